# Tells everybody on a link that it has these addresses, as a host does that has just got them.
# usage: announce.pl DEVICE ADDRESS…, in the network namespace that has them
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 SOCK_DGRAM SOCK_RAW inet_pton);

my ($device, @addresses) = @ARGV;
my ($askIndex, $askAddress, $packets) = (0x8933, 0x8927, 17);
my ($arp, $ipv6) = (0x0806, 0x86dd);
my $everybody = "\xff" x 6;
# All nodes: as an address of IPv6, and as the link has it.
my ($allNodes, $allNodesLink) = (inet_pton(AF_INET6, 'ff02::1'), "\x33\x33\x00\x00\x00\x01");

socket(my $any, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
my $index = unpack('x16 i', asked($askIndex));
my $mac = unpack('x18 a6', asked($askAddress));
socket(my $out, $packets, SOCK_RAW, 0) or die "packet socket: $!\n";

for my $address (@addresses) {
  if ($address =~ /:/) { announce($allNodesLink, $ipv6, advertisement(inet_pton(AF_INET6, $address))) }
  else { announce($everybody, $arp, request(inet_pton(AF_INET, $address))) }
}

sub asked {
  my $request = pack('a16 x24', $device);
  ioctl($any, shift, $request) or die "asking for $device: $!\n";
  return $request;
}

sub announce {
  my ($to, $type, $content) = @_;
  my $link = pack('S n i S C C a8', $packets, $type, $index, 0, 0, 6, $to);
  defined(send($out, $to . $mac . pack('n', $type) . $content, 0, $link)) or die "sending on $device: $!\n";
}

# A question for itself, which nobody answers and everybody learns from.
sub request {
  my $own = shift;
  return pack('n n C C n', 1, 0x0800, 6, 4, 1) . $mac . $own . "\0" x 6 . $own;
}

sub advertisement {
  my $own = shift;
  my $override = 0x20000000;
  my $message = pack('C C n N', 136, 0, 0, $override) . $own . pack('C C', 2, 1) . $mac;
  my $pseudo = $own . $allNodes . pack('N N', length($message), 58);
  substr($message, 2, 2) = pack('n', checksum($pseudo . $message));
  return pack('N n C C', 6 << 28, length($message), 58, 255) . $own . $allNodes . $message;
}

sub checksum {
  my $sum = 0;
  $sum += $_ for unpack('n*', shift);
  $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
  return ~$sum & 0xffff;
}
