/**
 * When the kernel begins to follow a pod's connections. One that it has followed before its rules were there is not
 * translated any more, however often it speaks afterwards. In a namespace of its own: of a pod that moves nobody can
 * tell when it is hit.
 */
import { expect, it } from 'vitest';
import type { Move } from '../../agent/connections/connection.ts';
import { keepThese, redirect, untracked } from '../../agent/connections/rules.ts';
import { open } from '../lab/index.ts';

const lab = open();

const script = `
use strict; use IO::Socket::INET;
sub nft { open(my $in, '|-', 'nft', '-f', '-') or die "nft: $!\\n"; print $in $_[0]; close($in) or die "nft failed\\n" }
sub followed { open(my $in, '<', '/proc/net/nf_conntrack') or die "$!\\n"; return scalar grep { /dport=6379/ } <$in> }
my ($address, @rulesets) = @ARGV;
my $listener = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 6379, Listen => 1) or die "listen: $!\\n";
my $client = IO::Socket::INET->new(PeerAddr => $address, PeerPort => 6379) or die "connect: $!\\n";
my $pod = $listener->accept();
for my $ruleset (@rulesets) {
  nft($ruleset);
  syswrite($client, 'question');
  syswrite($pod, 'answer');
  print followed(), "\\n";
}
`;

it('not before it is clear what is kept', async () => {
  const moves: Move[] = [{ family: 'ip', from: '192.0.2.1', to: '192.0.2.2' }];
  const rulesets = [untracked(moves), redirect(moves, { keeps: false, plugged: true }), keepThese([], [], moves)];
  const within = 'ip link set lo up; ip address add 192.0.2.1/32 dev lo; exec perl -e "$@"';
  const argv = ['unshare', '--net', '--', 'sh', '-euc', within, 'sh', script, '192.0.2.1', ...rulesets];
  expect((await lab.run('node-a', argv)).trim().split('\n')).toEqual(['0', '0', '1']);
});
