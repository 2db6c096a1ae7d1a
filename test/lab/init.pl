# PID 1 of a lab and of each of its machines: says its pid as seen from outside, reaps orphans, and ends, and the kernel
# everything in its pid namespace with it, when its stdin closes. In a machine it also keeps
# /var/log/syslog.
use strict;
use warnings;
use POSIX ();
use Socket;

my ($role, $outer) = @ARGV;
$0 = "init";
my $log;
if ($role eq "machine") {
  socket($log, AF_UNIX, SOCK_DGRAM, 0) or die "lab: syslog: $!\n";
  bind($log, sockaddr_un("/dev/log")) or die "lab: /dev/log: $!\n";
  chmod 0666, "/dev/log";
}

$SIG{CHLD} = sub { 1 while waitpid(-1, POSIX::WNOHANG()) > 0 };
$| = 1;
print "ready $outer\n";
open(STDOUT, ">", "/dev/null");
open(STDERR, ">", "/dev/null");

while (1) {
  my $ready = "";
  vec($ready, 0, 1) = 1;
  vec($ready, fileno($log), 1) = 1 if $log;
  # The timeout bounds how long an orphan stays that died just before select was entered.
  next if select($ready, undef, undef, 1) < 1;
  if (vec($ready, 0, 1)) {
    my $n = sysread(STDIN, my $ignored, 4096);
    exit 0 if defined $n && $n == 0;
  }
  if ($log && vec($ready, fileno($log), 1) && defined recv($log, my $line, 65536, 0)) {
    $line =~ s/\s*\z//;
    if (open(my $file, ">>", "/var/log/syslog")) { print $file "$line\n"; close $file }
  }
}
