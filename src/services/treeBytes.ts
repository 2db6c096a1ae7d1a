// What subvolumes hold, read from their trees by an ioctl, which perl can make and Node cannot: btrfs's own tools tell neither of metadata
// nor of what compression leaves of a file, and die of a path of 4,080 bytes, which any host can make.

/**
 * A program for `perl -e`, with a word, a snapshot ("": none) and subvolumes of one filesystem as arguments, as a host's snapshots,
 * oldest first. Prints a line for each: the bytes of metadata (inodes, names, attributes, small files) in the leaves of its tree that were
 * written after that snapshot was made, and the bytes on the disk of file data that was. Each is then the one from which the next is
 * counted. Where the word is `names`, the path of each file whose data was written comes before that line, and a NUL after each: an empty
 * one where the path is too long for the kernel to tell.
 */
export const treeBytes = String.raw`
use strict;
my ($SYNC, $INFO, $SEARCH, $LOOKUP, $room) = (0x9408, 0x81f8943c, 0xc0709411, 0xd0009412, 1 << 20);
my ($most, $REF, $EXTENT, $inline) = (~0, 12, 108, 0);
# The generation in which a subvolume was made; what is written to its original after that has a higher one.
sub born {
  my ($tree, $path) = @_;
  my $info = "\0" x 504;
  ioctl($tree, $INFO, $info) or die "$path: $!\n";
  return unpack("x352 Q<", $info);
}
# The path of a directory with a slash behind it, or of one of a file's names as if it were one; undefined where it is too long.
my %paths;
sub path {
  my ($tree, $inode) = @_;
  return $paths{$inode} if exists $paths{$inode};
  %paths = () if keys %paths >= 10_000;
  my $found = pack("Q<2 x4080", 0, $inode);
  return $paths{$inode} = ioctl($tree, $LOOKUP, $found) ? unpack("x16 Z*", $found) : undef;
}
my $since = 0;
my $named = shift eq "names";
my $before = shift;
if (length $before) {
  sysopen(my $tree, $before, 0) or die "$before: $!\n";
  $since = born($tree, $before) + 1;
}
for my $path (@ARGV) {
  sysopen(my $tree, $path, 0) or die "$path: $!\n";
  ioctl($tree, $SYNC, 0) or die "$path: $!\n";
  %paths = ();
  my ($metadata, $data, $last, $known, $directory, $name, @key) = (0, 0, 0, 0, 0, "", 0, 0, 0);
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
      if ($named and $type == $REF and $known != $object) {
        ($known, $directory) = ($object, $offset);
        $name = unpack("x8 S</a", substr($found, $at + 32, $length));
      }
      if ($type == $EXTENT) {
        my ($born, $whole, $kind) = unpack("Q<2 x4 C", substr($found, $at + 32, 21));
        if ($named and $born >= $since and $object != $last) {
          $last = $object;
          # Its name mostly stands just before.
          my $above = path($tree, $known == $object ? $directory : $object);
          my $file = defined $above ? $known == $object ? $above . $name : $above : "";
          $file =~ s{/\z}{};
          print $file, "\0";
        }
        if ($born < $since) { }
        elsif ($kind == $inline) { $data += $length - 21 }
        else {
          # A file may refer to a part of an extent, which lies on the disk as a whole.
          my ($stored, $part) = unpack("x29 Q< x8 Q<", substr($found, $at + 32, 53));
          $data += $stored * $part / $whole if $whole;
        }
      }
      $at += 32 + $length;
    }
    @key = $offset < $most ? ($object, $type, $offset + 1) : $type < 255 ? ($object, $type + 1, 0) : ($object + 1, 0, 0);
  }
  printf "%d %d\n", $metadata, $data;
  $since = born($tree, $path) + 1;
}
`
