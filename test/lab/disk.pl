# Plugs one empty disk in: a loop device over a sparse file that has no name, so that nothing is left of either when
# this process ends, however it ends. Says the device's name, and ends when its stdin closes.
# Arguments: the directory that gives the room, the size in bytes.
use strict;
use warnings;
use Fcntl;

my ($dir, $size) = @ARGV;
my $path = "$dir/.byteback-lab-disk-$$-" . time;
sysopen(my $file, $path, O_RDWR | O_CREAT | O_EXCL, 0600) or die "lab: $path: $!\n";
unlink $path;
truncate($file, $size) or die "lab: $size bytes in $dir: $!\n";

my ($LOOP_CTL_GET_FREE, $LOOP_CONFIGURE, $AUTOCLEAR) = (0x4C82, 0x4C0A, 4);
open(my $control, "+<", "/dev/loop-control") or die "lab: /dev/loop-control: $!\n";
for my $try (1 .. 100) {
  my $n = int(ioctl($control, $LOOP_CTL_GET_FREE, 0) // die "lab: no free loop device: $!\n");
  sysopen(my $loop, "/dev/loop$n", O_RDWR) or die "lab: /dev/loop$n: $!\n";
  # struct loop_config: fd, block_size, then loop_info64 with AUTOCLEAR from the first moment on
  my $config = pack("L2 Q5 L4 a64 a64 a32 Q2 Q8", fileno($file), 0, (0) x 5, 0, 0, 0, $AUTOCLEAR, "byteback-lab", "", "", (0) x 10);
  next unless ioctl($loop, $LOOP_CONFIGURE, $config); # another process was faster
  close $file;
  $| = 1;
  print "ready loop$n\n";
  1 while sysread(STDIN, my $ignored, 4096);
  exit 0;
}
die "lab: no loop device could be had in 100 tries: $!\n";
