# A person at a terminal: starts a program from bash, stops it by Ctrl-Z, lets it go on, ends it by Ctrl-C. Prints its status.
import os, pty, re, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ['PS1'] = '$ '
    os.execvp('bash', ['bash', '--norc', '-i'])
def send(text):
    os.write(fd, text.encode())
def until(wanted):
    got = b''
    while wanted not in got:
        got += os.read(fd, 4096)
    return got
send(sys.argv[1] + " bash -c 'echo st''arted; sleep 30; echo not reached'\n")
until(b'started\r\n')
send('\x1a')
until(b'Stopped')
send('jobs; echo be''fore\n')
until(b'before\r\n')
send('fg\n')
until(b'fg\r\n')
time.sleep(0.5)
send('\x03')
until(b'$ ')
send('echo sta''tus $?\n')
print(re.search(rb'status (\d+)', until(b'status 1')).group(1).decode())
send('exit\n')
