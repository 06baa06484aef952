# Makes both ends of connections speak, so that each can be told that its connection is over: an end that gets a segment
# out of its window answers with what it expects next, and this host answers that with a reset that fits.
# usage: nudge.pl MARK, in the network namespace that they go by; on stdin a line for each end: FROM PORT TO PORT
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 SOCK_RAW IPPROTO_TCP inet_pton pack_sockaddr_in pack_sockaddr_in6 SOL_SOCKET);

my $socketMark = 36;
my $mark = shift;
my %sockets;
my @ends = map { [split] } <STDIN>;

# An answer to such a segment is given at most twice a second.
for my $round (1 .. 3) {
  select(undef, undef, undef, 0.55) if $round > 1;
  send_to(@$_) for @ends;
}

sub send_to {
  my ($from, $source, $to, $destination) = @_;
  my $family = $from =~ /:/ ? AF_INET6 : AF_INET;
  my ($own, $peer) = map { inet_pton($family, $_) } $from, $to;
  my $out = $sockets{$from} //= socket_of($family, $own);
  my ($length, $acknowledges) = (20, 0x10);
  my $segment = pack('n n N N C C n n n', $source, $destination, 0, 0, 5 << 4, $acknowledges, 0, 0, 0);
  my $pseudo = $own . $peer . ($family == AF_INET ? pack('n n', IPPROTO_TCP, $length) : pack('N N', $length, IPPROTO_TCP));
  substr($segment, 16, 2) = pack('n', checksum($pseudo . $segment));
  send($out, $segment, 0, address($family, $peer));
}

sub socket_of {
  my ($family, $own) = @_;
  socket(my $raw, $family, SOCK_RAW, IPPROTO_TCP) or die "raw socket: $!\n";
  setsockopt($raw, SOL_SOCKET, $socketMark, pack('i', $mark)) or die "SO_MARK: $!\n";
  bind($raw, address($family, $own)) or die "bind: $!\n";
  return $raw;
}

sub address {
  my ($family, $bytes) = @_;
  return $family == AF_INET ? pack_sockaddr_in(0, $bytes) : pack_sockaddr_in6(0, $bytes);
}

sub checksum {
  my $sum = 0;
  $sum += $_ for unpack('n*', shift);
  $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
  return ~$sum & 0xffff;
}
