#!/bin/sh
# The quote of the day (RFC 865). A UDP socket comes connected to the client, and what is written
# to it in one go is one datagram: the same command serves both.
#
# inetd.conf: 10017 stream tcp nowait nobody /usr/libexec/inetd/qotd.sh qotd.sh
# inetd.conf: 10017 dgram udp nowait nobody /usr/libexec/inetd/qotd.sh qotd.sh
# try: nc localhost 10017
# try: printf '\n' | nc -u -w 1 localhost 10017

exec 2>/dev/null shuf -n 1 <<'END'
Well begun is half done. -- Greek proverb
Make haste slowly. -- Augustus, in Suetonius
While we are postponing, life speeds by. -- Seneca, Letters to Lucilius
Brevity is the soul of wit. -- William Shakespeare, Hamlet
If I have seen further it is by standing on the shoulders of giants. -- Isaac Newton
I have made this longer only because I had no leisure to make it shorter. -- Blaise Pascal
To err is human, to forgive divine. -- Alexander Pope, An Essay on Criticism
The Analytical Engine has no pretensions whatever to originate anything. -- Ada Lovelace
How poor are they that have not patience! -- William Shakespeare, Othello
Our life is frittered away by detail. Simplify, simplify. -- Henry David Thoreau, Walden
Be conservative in what you do, be liberal in what you accept from others. -- Jon Postel, RFC 761
END
