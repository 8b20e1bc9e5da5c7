# Completion of inetctl(1) for fish: verbs, options, and names of the services that run.

function __inetctl_services
    set -l asked inetctl
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if contains -- $words[$i] -s --socket
            set -a asked -s $words[(math $i + 1)]
        end
    end
    command $asked list --names 2>/dev/null
end

set -l verbs status list show metrics log monitor top try check diff reload pause resume disable enable kill drain upgrade
set -l none "not __fish_seen_subcommand_from $verbs"

complete -c inetctl -f
complete -c inetctl -s s -l socket -r -F -d 'The control socket of inetd'
complete -c inetctl -s h -l help -d 'Print a summary'
complete -c inetctl -n $none -l version -d 'Print the version'

complete -c inetctl -n $none -a status -d 'Show how inetd is, on one screen'
complete -c inetctl -n $none -a list -d 'Show the services, a line each'
complete -c inetctl -n $none -a show -d 'Show all there is to know about a service'
complete -c inetctl -n $none -a metrics -d 'Show what is counted, as OpenMetrics text'
complete -c inetctl -n $none -a log -d 'Show the last messages of inetd'
complete -c inetctl -n $none -a monitor -d 'Show what happens, as it happens'
complete -c inetctl -n $none -a top -d 'Watch the services in a table'
complete -c inetctl -n $none -a try -d 'Be a client of a service: does it work?'
complete -c inetctl -n $none -a check -d 'Check a configuration'
complete -c inetctl -n $none -a diff -d 'Show what a reload would change'
complete -c inetctl -n $none -a reload -d 'Read the configuration again'
complete -c inetctl -n $none -a pause -d 'Let the clients of services wait'
complete -c inetctl -n $none -a resume -d 'Go on after pause or drain'
complete -c inetctl -n $none -a disable -d 'Close the sockets of services'
complete -c inetctl -n $none -a enable -d 'Open the sockets of services again'
complete -c inetctl -n $none -a kill -d 'End the servers of a service, or one of them'
complete -c inetctl -n $none -a drain -d 'Serve nobody new and wait for the rest'
complete -c inetctl -n $none -a upgrade -d 'Change to the binary that is installed now'

complete -c inetctl -n "__fish_seen_subcommand_from $verbs; and not __fish_seen_subcommand_from check" \
    -l json -d 'Print the answer as JSON'
complete -c inetctl -n '__fish_seen_subcommand_from show log monitor pause resume disable enable kill try' \
    -a '(__inetctl_services)'
complete -c inetctl -n '__fish_seen_subcommand_from check diff' -F
complete -c inetctl -n '__fish_seen_subcommand_from list' -l names -d 'Only their names'
complete -c inetctl -n '__fish_seen_subcommand_from log' -s f -l follow -d 'And then each new one'
complete -c inetctl -n '__fish_seen_subcommand_from log' -s n -l lines -x -d 'Only so many'
complete -c inetctl -n '__fish_seen_subcommand_from enable disable' -l save -d 'Write it to inetd.cfg'
complete -c inetctl -n '__fish_seen_subcommand_from enable disable' -l now -d 'At once as well'
complete -c inetctl -n '__fish_seen_subcommand_from kill' -l signal -x \
    -a 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP' -d 'Send this one'
complete -c inetctl -n '__fish_seen_subcommand_from drain' -l stop -d 'Then stop inetd'
complete -c inetctl -n '__fish_seen_subcommand_from try' -l send -x -d 'Send this instead of standard input'
complete -c inetctl -n '__fish_seen_subcommand_from try' -l address -x -d 'Only at this one of its addresses'
complete -c inetctl -n '__fish_seen_subcommand_from try' -l timeout -x -d 'Give up after so many seconds'
complete -c inetctl -n '__fish_seen_subcommand_from try' -l bytes -x -d 'End after so many bytes'
complete -c inetctl -n '__fish_seen_subcommand_from try' -l force -d 'Try a sensor, too'
complete -c inetctl -n '__fish_seen_subcommand_from top' -s d -l interval -x -d 'Look again after so many seconds'
complete -c inetctl -n '__fish_seen_subcommand_from top' -l sort -x -d 'By this column' \
    -a 'service address state running accepting refusing cpu memory accepted refused last-use'
complete -c inetctl -n '__fish_seen_subcommand_from top' -s r -l reverse -d 'The other way round'
complete -c inetctl -n '__fish_seen_subcommand_from top' -l once -d 'Print one table'
