// What subvolumes hold, read from their trees by an ioctl: btrfs's own tools tell of data only, and perl is where they are.

/**
 * A program for `perl -e`, with subvolumes of one filesystem as arguments: a host's snapshots, oldest first, then its `current`. Prints
 * a line for each, the bytes of metadata (inodes, names, attributes, small files) in the leaves of its tree that were written since the
 * one before it was made: of the first, all of them.
 */
export const treeBytes = String.raw`
use strict;
my ($SYNC, $INFO, $SEARCH, $room) = (0x9408, 0x81f8943c, 0xc0709411, 1 << 20);
my ($most, $since, $synced) = (~0, 0, 0);
for my $path (@ARGV) {
  sysopen(my $tree, $path, 0) or die "$path: $!\n";
  ioctl($tree, $SYNC, 0) or die "$path: $!\n" unless $synced++;
  my $info = "\0" x 504;
  ioctl($tree, $INFO, $info) or die "$path: $!\n";
  my ($metadata, @key) = (0, 0, 0, 0);
  while (1) {
    my ($object, $type, $offset) = @key;
    my $found = pack("Q<7L<4Q<5", 0, $object, $most, $offset, $most, $since, $most, $type, 255, 0xffffffff, (0) x 5, $room)
      . "\0" x $room;
    ioctl($tree, $SEARCH, $found) or die "$path: $!\n";
    my ($items, $at) = (unpack("x64 L<", $found), 112);
    last if $items == 0;
    for (1 .. $items) {
      ($object, $offset, $type, my $length) = unpack("x8 Q<2 L<2", substr($found, $at, 32));
      # An item stands in its leaf with 25 bytes of its own.
      $metadata += 25 + $length;
      $at += 32 + $length;
    }
    @key = $offset < $most ? ($object, $type, $offset + 1) : $type < 255 ? ($object, $type + 1, 0) : ($object + 1, 0, 0);
  }
  print "$metadata\n";
  # What is written to its original after a snapshot was made has a higher generation.
  $since = 1 + unpack("x352 Q<", $info);
}
`
