// A past for a host of a server in the lab: snapshots of days gone by, as backups would have left them.
import type { Machine } from "../lab/Lab.ts"

/** A snapshot a day up to yesterday, each with so many bytes of its own: HOST COUNT BYTES. */
const makePast = String.raw`
use strict; use POSIX;
my ($host, $count, $bytes) = @ARGV;
chdir "/byteback/$host" or die;
my ($uid, $gid) = (stat "current")[4, 5];
chown 0, 0, "current";
open(my $journal, ">>", "/var/lib/byteback/journal/$host.ndjson") or die;
open(my $random, "<", "/dev/urandom") or die;
for my $days (reverse 1 .. $count) {
  my $at = time - $days * 86400;
  my $name = strftime("%Y-%m-%dT%H:%M+0000", gmtime $at);
  read $random, my $data, $bytes;
  open(my $churn, ">", "current/churn") or die; print $churn $data; close $churn;
  system("btrfs", "-q", "subvolume", "snapshot", "-r", "current", $name) == 0 or die;
  print $journal qq({"_tag":"snapshot","at":$at,"name":"$name","state":"complete","by":"host","transfer":0,"bytes":$bytes,"files":2}\n);
}
chown $uid, $gid, "current";
`

/** Makes a past for a host that is enrolled there. */
export const past = (server: Machine, host: string, count: number, bytes: number) =>
  server.ok(["perl", "-e", makePast, host, String(count), String(bytes)])
