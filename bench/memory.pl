# Watches the programs that start on a machine from now on, until it is told to end: what each held at most, and all at once.
# usage: perl memory.pl    says "ready"; SIGTERM ends it: a line "PROGRAM KIB" for each kind of program, its largest, and "together KIB".
use strict;
use warnings;

my ($end, %before, %largest);
my $together = 0;
$SIG{TERM} = sub { $end = 1 };
$| = 1;

sub content {
    open my $file, '<', $_[0] or return '';
    local $/;
    return <$file> // '';
}

# pid and start, since a number is another's in time
sub processes {
    my %found;
    for my $directory (glob '/proc/[0-9]*') {
        my ($pid) = $directory =~ /(\d+)$/;
        my $stat = content("$directory/stat") =~ s/.*\) //sr;
        my $start = (split ' ', $stat)[19] // next;
        $found{"$pid $start"} = $directory unless $pid == $$;
    }
    return %found;
}

%before = processes();
print "ready\n";
until ($end) {
    my $now = 0;
    my %there = processes();
    for my $process (grep { !$before{$_} } keys %there) {
        my $directory = $there{$process};
        my ($peak) = content("$directory/status") =~ /^VmHWM:\s+(\d+)/m or next;
        my ($program) = split /[\0: ]/, content("$directory/cmdline");
        $program = ($program // '') =~ s{.*/}{}r or next;
        $largest{$program} = $peak if $peak > ($largest{$program} // 0);
        # what rsync and its fork share of their own counts once; of files, what is mapped counts wherever it is
        my %size = content("$directory/smaps_rollup") =~ /^(\w+):\s+(\d+)/mg;
        $now += $size{Rss} - $size{Anonymous} + $size{Pss_Anon} if $size{Pss_Anon};
    }
    $together = $now if $now > $together;
    select undef, undef, undef, 0.05;
}
print "$_ $largest{$_}\n" for sort { $largest{$b} <=> $largest{$a} } keys %largest;
print "together $together\n";
