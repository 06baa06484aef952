# Holds what comes for a pod that stands still. A rule sends its packets into this program's tap device, whose queue keeps
# them; on "release" they come out of it again, in their order, as if they had just arrived, and those that follow at once.
# First packets of connections alone take turns: all at once they would be more than a listener's backlog has room for, and
# who finds no room comes again a second later. A few go at once, as any listener has room for; the others about twice as
# fast as they came. One that is sent again meanwhile is to come here, too, or both would arrive.
# usage: plug.pl DEVICE MAC FIFO PACKETS SECONDS, in the pod's network namespace. Says "ready"; from the FIFO: "hold" tells
# since when they come; "release"; and "end", upon which it ends as soon as nobody waits. It takes the rules away that lead
# here, after SECONDS in any case.
# The device goes with this process, and with it whatever it holds.
use strict;
use warnings;
use Fcntl qw(O_RDWR O_NONBLOCK);

my ($device, $mac, $fifo, $packets, $seconds) = @ARGV;
my ($setInterface, $isTap, $withoutHeader) = (0x400454ca, 0x0002, 0x1000);

$SIG{PIPE} = 'IGNORE';
sysopen(my $tap, '/dev/net/tun', O_RDWR | O_NONBLOCK) or die "/dev/net/tun: $!\n";
ioctl($tap, $setInterface, my $request = pack('a16 s x22', $device, $isTap | $withoutHeader)) or die "making $device: $!\n";
# The pod's own hardware address, or what comes out of it would not be for this host.
run('ip', 'link', 'set', $device, 'address', $mac);
run('ip', 'link', 'set', $device, 'txqueuelen', $packets, 'addrgenmode', 'none', 'up');
# Its peers are behind another device.
set("/proc/sys/net/ipv4/conf/$device/rp_filter", 0);
set("/proc/sys/net/ipv6/conf/$device/accept_ra", 0);
sysopen(my $orders, $fifo, O_RDWR) or die "$fifo: $!\n";
# The only clock that Perl has by itself and that is finer than a second.
open(my $clock, '<', '/proc/uptime') or die "/proc/uptime: $!\n";
syswrite(STDOUT, "ready\n");
close(STDOUT);

# For each listener: how many at once. Seconds: how often it is the next ones' turn, how long one may take at most, and how
# long it may take until all have had theirs.
my ($atOnce, $tick, $turn, $longest) = (4, 0.002, 0.02, 1);
# By the port of the listener: the ends of connections in their order, the first packet of each, how many may go by now,
# and how many more with each tick.
my %listeners;
my ($released, $ending, $unplugged, $heldSince, $releasedAt, $untilTick) = (0, 0, 0, undef, undef, $tick);
$SIG{ALRM} = sub { unplug(); $released = $ending = 1 };
alarm($seconds);
for (;;) {
  my $wanted = '';
  vec($wanted, fileno($orders), 1) = 1;
  vec($wanted, fileno($tap), 1) = 1 if $released;
  my $waiting = grep { @{ $_->{order} } } values %listeners;
  unplug() if $ending && $released && !$waiting && !$unplugged;
  my ($some, $left) = select($wanted, undef, undef, $waiting ? $untilTick : $ending ? 0.2 : undef);
  # Nothing came for a while, and nothing more is sent here.
  exit 0 if $some == 0 && $ending && !$waiting;
  next if $some < 0;
  if ($waiting) {
    $untilTick = $some == 0 ? 0 : $left;
    let_go(1) if $untilTick <= 0;
  }
  $untilTick = $tick if !$waiting || $untilTick <= 0;
  if (vec($wanted, fileno($orders), 1)) {
    sysread($orders, my $order, 4096);
    $heldSince //= uptime();
    $released = 1 if $order =~ /release|end/;
    $ending = 1 if $order =~ /end/;
  }
  next if !$released;
  $releasedAt //= uptime();
  $heldSince //= $releasedAt;
  pass();
}

sub pass {
  my $came = 0;
  while (sysread($tap, my $frame, 65536)) {
    my ($port, $ends) = ends_of_first($frame);
    if (!defined $port) { syswrite($tap, $frame); next }
    my $listener = $listeners{$port} //= { order => [], frames => {}, may => $atOnce };
    # Sent again meanwhile: the newer one counts.
    push @{ $listener->{order} }, $ends if !exists $listener->{frames}{$ends};
    $listener->{frames}{$ends} = $frame;
    $came = 1;
  }
  return if !$came;
  for my $listener (grep { !defined $_->{more} } values %listeners) {
    my $time = ($releasedAt - $heldSince) / 2;
    $time = $longest if $time > $longest;
    my $more = $time > 0 ? @{ $listener->{order} } * $tick / $time : $atOnce;
    $listener->{more} = $more < $tick / $turn ? $tick / $turn : $more;
  }
  let_go(0);
}

sub let_go {
  my ($ticks) = @_;
  # More come than it was meant for, or this machine is slow.
  my $late = $unplugged || uptime() - $releasedAt > 1.5 * $longest;
  for my $listener (values %listeners) {
    my $most = $listener->{more} > $atOnce ? $listener->{more} : $atOnce;
    $listener->{may} += $ticks * $listener->{more};
    $listener->{may} = $most if $listener->{may} > $most;
    while (($late || $listener->{may} >= 1) && @{ $listener->{order} }) {
      $listener->{may} -= 1;
      syswrite($tap, delete $listener->{frames}{ shift @{ $listener->{order} } });
    }
  }
}

# Of the first packet of a TCP connection the port that it goes to, and its addresses and ports; of any other frame nothing.
sub ends_of_first {
  my ($frame) = @_;
  my $type = unpack('x12 n', $frame) // 0;
  my ($protocol, $ends, $at) =
      $type == 0x0800 && length($frame) >= 34 ? (ord(substr($frame, 23, 1)), substr($frame, 26, 8), 14 + 4 * (ord(substr($frame, 14, 1)) & 15))
    : $type == 0x86dd && length($frame) >= 54 ? (ord(substr($frame, 20, 1)), substr($frame, 22, 32), 54)
    :                                           return;
  return if $protocol != 6 || length($frame) < $at + 20;
  my ($finSynRstAck, $syn) = (0x17, 0x02);
  return if (ord(substr($frame, $at + 13, 1)) & $finSynRstAck) != $syn;
  return (unpack('n', substr($frame, $at + 2, 2)), $ends . substr($frame, $at, 4));
}

sub unplug {
  system('nft destroy table netdev podferry');
  $unplugged = 1;
}

sub uptime {
  sysseek($clock, 0, 0);
  sysread($clock, my $line, 64);
  return (split ' ', $line)[0];
}

sub run { system(@_) == 0 or die "@_ failed\n" }

sub set {
  my ($file, $value) = @_;
  open(my $out, '>', $file) or return;
  print $out "$value\n";
}
