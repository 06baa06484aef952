# Holds what comes for a pod that stands still. A rule sends its packets into this program's tap device, whose queue keeps
# them; on "release" they come out of it again, in their order, as if they had just arrived, and those that follow at once.
# usage: plug.pl DEVICE MAC FIFO PACKETS SECONDS, in the pod's network namespace. Says "ready"; from the FIFO: "release",
# "end". After SECONDS it ends by itself, and takes the rule away that leads here.
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
syswrite(STDOUT, "ready\n");
close(STDOUT);

my ($released, $ending) = (0, 0);
$SIG{ALRM} = sub { system('nft destroy table netdev podferry'); $released = $ending = 1 };
alarm($seconds);
for (;;) {
  my $wanted = '';
  vec($wanted, fileno($orders), 1) = 1;
  vec($wanted, fileno($tap), 1) = 1 if $released;
  my $some = select($wanted, undef, undef, $ending ? 0.2 : undef);
  # Nothing came for a while, and nothing more is sent here.
  exit 0 if $some == 0 && $ending;
  next if $some < 0;
  if (vec($wanted, fileno($orders), 1)) {
    sysread($orders, my $order, 4096);
    $released = 1 if $order =~ /release|end/;
    $ending = 1 if $order =~ /end/;
  }
  while ($released && sysread($tap, my $frame, 65536)) { syswrite($tap, $frame) }
}

sub run { system(@_) == 0 or die "@_ failed\n" }

sub set {
  my ($file, $value) = @_;
  open(my $out, '>', $file) or return;
  print $out "$value\n";
}
