"""Completion of inetctl in the real shells, against a daemon whose services are offered."""

import shlex
import subprocess

import pytest

from harness import BUILD, ENVIRONMENT, ME, PATIENCE, ROOT, Daemon, free_port

FILES = ROOT / "etc" / "completion"
VERBS = {"status", "list", "show", "log", "monitor", "check", "diff", "reload", "pause", "resume",
         "disable", "enable", "kill", "drain", "upgrade"}


def run(*command, **variables):
    done = subprocess.run(command, env={**ENVIRONMENT, "PATH": f"{BUILD}:{ENVIRONMENT['PATH']}",
                                        **variables},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and not done.stderr, done
    return set(done.stdout.split("\n")) - {""}


def bash(*words):
    script = (f"source {shlex.quote(str(FILES / 'inetctl.bash'))}\n"
              f"COMP_WORDS=({' '.join(map(shlex.quote, words))})\n"
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_inetctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
    return run("/bin/bash", "--norc", "-c", script)


@pytest.fixture
def d():
    ports = [free_port(), free_port()]
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n" for port in ports)
    with Daemon(conf, control=True) as daemon:
        daemon.names = {str(port) for port in ports}
        yield daemon


def offered_by_help():
    text = subprocess.run([BUILD / "inetctl", "--help"], capture_output=True, text=True).stdout
    return {line.split()[0] for line in text.partition("Subcommands:")[2].splitlines() if line[:2] == "  "
            and line[2] != " "}


def test_bash(d, workdir):
    assert VERBS <= offered_by_help()
    assert VERBS <= bash("inetctl", "")
    assert bash("inetctl", "mo") == {"monitor"}
    assert bash("inetctl", "--v") == {"--version"}
    at = ("inetctl", "-s", str(d.control))
    for verb in ("show", "pause", "resume", "disable", "enable", "kill", "log", "monitor"):
        assert bash(*at, verb, "") == d.names, verb
    (first, _) = sorted(d.names)
    assert first in bash(*at, "show", first[:-1])
    assert bash(*at, "list", "--n") == {"--names"}
    assert "--save" in bash(*at, "disable", "-")
    assert "--save" not in bash(*at, "pause", "-")
    assert "TERM" in bash(*at, "kill", "--signal", "")
    (workdir / "some.conf").touch()
    assert bash("inetctl", "diff", f"{workdir}/so") == {f"{workdir}/some.conf"}
    assert bash("inetctl", "-s", f"{workdir}/nobody", "show", "") == set()


@pytest.mark.needs("fish")
def test_fish(d, workdir):
    def fish(line):
        out = run("/usr/bin/fish", "--no-config", "-c",
                  f"source {FILES / 'inetctl.fish'}; complete -C {shlex.quote(line)}",
                  HOME=str(workdir))
        return {item.split("\t")[0] for item in out}

    assert fish("inetctl ") == VERBS
    assert fish(f"inetctl -s {d.control} show ") >= d.names
    assert "--save" in fish("inetctl disable --s")
    assert "--names" in fish("inetctl list --")


@pytest.mark.needs("zsh")
def test_zsh(d, workdir):
    """Its own completer, with compadd put to the test in a terminal of zsh's own (zsh/zpty)."""
    (workdir / "_inetctl").write_text((FILES / "_inetctl").read_text())
    script = workdir / "ask.zsh"
    script.write_text(f"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; unsetopt zle; fpath=({workdir} \\$fpath); PATH={BUILD}:\\$PATH"
zpty -w z "autoload -Uz compinit; compinit -u -D; setopt zle; LISTMAX=1000; zstyle ':completion:*' list-colors"
zpty -w z "bindkey '^X' list-choices; print READY-FOR-IT"
zpty -r z said '*READY-FOR-IT*READY-FOR-IT*' || zpty -r z said '*READY-FOR-IT*'
zpty -n -w z "$1"$'\\C-x'
repeat 200; do zpty -r -t z piece && print -rn -- "$piece" && [[ $piece == *"$2"* ]] && break; sleep 0.05; done
zpty -d z
""")
    said = subprocess.run(["/usr/bin/zsh", "-f", str(script), "inetctl ", "upgrade"], env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert "monitor" in said.stdout and "upgrade" in said.stdout, said
