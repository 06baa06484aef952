# Asks whether packets get from here to an address and back. Whoever is there need not listen: a refusal is an answer.
# usage: reach.pl ADDRESS PORT SECONDS; exit code 0: they do, 1: no answer, 2: it cannot be asked
use strict;
use warnings;
use Errno qw(EINPROGRESS ECONNREFUSED);
use Fcntl qw(F_SETFL O_NONBLOCK);
use Socket qw(AF_INET AF_INET6 SOCK_STREAM SOL_SOCKET SO_ERROR inet_pton pack_sockaddr_in pack_sockaddr_in6);

my ($address, $port, $seconds) = @ARGV;
my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
my $bytes = inet_pton($family, $address) // exit 2;
socket(my $out, $family, SOCK_STREAM, 0) or exit 2;
fcntl($out, F_SETFL, O_NONBLOCK) or exit 2;
my $to = $family == AF_INET ? pack_sockaddr_in($port, $bytes) : pack_sockaddr_in6($port, $bytes);
exit 0 if connect($out, $to) || $!{ECONNREFUSED};
exit 1 unless $!{EINPROGRESS};
vec(my $writable = '', fileno($out), 1) = 1;
exit 1 unless select(undef, $writable, undef, $seconds);
my $error = unpack('i', getsockopt($out, SOL_SOCKET, SO_ERROR));
exit($error == 0 || $error == ECONNREFUSED ? 0 : 1);
