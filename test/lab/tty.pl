# Runs a program on a terminal of its own: what the terminal shows goes to stdout, what comes on stdin is typed. Ends as
# the program ends. Arguments: rows, columns, then the program's argv.
use strict;
use warnings;
use Fcntl;
use POSIX ();

my ($rows, $columns, @argv) = @ARGV;
my ($TIOCSPTLCK, $TIOCGPTN, $TIOCSWINSZ) = (0x40045431, 0x80045430, 0x5414);
sysopen(my $master, "/dev/ptmx", O_RDWR | O_NOCTTY) or die "lab: /dev/ptmx: $!\n";
my $locked = pack("i", 0);
ioctl($master, $TIOCSPTLCK, $locked) or die "lab: unlocking the terminal: $!\n";
my $number = pack("i", 0);
ioctl($master, $TIOCGPTN, $number) or die "lab: the terminal's number: $!\n";
my $terminal = "/dev/pts/" . unpack("i", $number);
my $window = pack("S4", $rows, $columns, 0, 0);
ioctl($master, $TIOCSWINSZ, $window) or die "lab: the terminal's size: $!\n";

my $pid = fork // die "lab: fork: $!\n";
if ($pid == 0) {
  close $master;
  POSIX::setsid();
  sysopen(my $tty, $terminal, O_RDWR) or die "lab: $terminal: $!\n"; # a session's first terminal becomes its controlling one
  POSIX::dup2(fileno($tty), $_) for 0 .. 2;
  POSIX::close(fileno($tty)) if fileno($tty) > 2;
  exec { $argv[0] } @argv or POSIX::_exit(127);
}

my $typing = 1;
while (1) {
  my $ready = "";
  vec($ready, fileno($master), 1) = 1;
  vec($ready, 0, 1) = 1 if $typing;
  next if select($ready, undef, undef, undef) < 1;
  if ($typing && vec($ready, 0, 1)) {
    my $n = sysread(STDIN, my $typed, 4096);
    if ($n) { syswrite($master, $typed) } else { $typing = 0 }
  }
  if (vec($ready, fileno($master), 1)) {
    my $n = sysread($master, my $shown, 65536);
    last unless $n; # EIO: nobody has the terminal open any more
    syswrite(STDOUT, $shown);
  }
}
waitpid($pid, 0);
POSIX::_exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
