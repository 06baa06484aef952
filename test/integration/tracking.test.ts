/**
 * When the kernel begins to follow a pod's connections. One that it has followed before its rules were there is not
 * translated any more, however often it speaks afterwards. In a namespace of its own: of a pod that moves nobody can
 * tell when it is hit.
 */
import { expect, it } from 'vitest';
import type { Move } from '../../agent/connections/connection.ts';
import { keepThese, redirect, stayUntracked } from '../../agent/connections/rules.ts';
import { open } from '../lab/index.ts';

const lab = open();

/** A client behind a cable, who speaks all the time. */
const wiring = `
ip link add eth0 type veth peer name far
unshare --net sleep 30 &
client=$!
trap 'kill $client' EXIT
until [ "$(readlink /proc/$client/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set far netns $client
ip address add 192.0.2.1/24 dev eth0
ip link set eth0 up
nsenter --net=/proc/$client/ns/net sh -euc 'ip address add 192.0.2.9/24 dev far; ip link set far up'
CLIENT=$client perl -e "$@"
`;

const pod = `
use strict; use IO::Socket::INET;
sub nft { open(my $in, '|-', 'nft', '-f', '-') or die "nft: $!\\n"; print $in $_[0]; close($in) or die "nft failed\\n" }
sub followed { open(my $in, '<', '/proc/net/nf_conntrack') or die "$!\\n"; return scalar grep { /dport=6379/ } <$in> }
my $speak = 'my $s; until ($s = IO::Socket::INET->new(PeerAddr => "192.0.2.1", PeerPort => 6379)) { select(undef, undef, undef, 0.05) }'
  . ' while (syswrite($s, "question") && sysread($s, my $answer, 99)) { select(undef, undef, undef, 0.02) }';
my $listener = IO::Socket::INET->new(LocalPort => 6379, Listen => 1) or die "listen: $!\\n";
exec('nsenter', "--net=/proc/$ENV{CLIENT}/ns/net", 'perl', '-MIO::Socket::INET', '-e', $speak) if !fork;
my $client = $listener->accept();
for my $ruleset (@ARGV) {
  nft($ruleset);
  for (1 .. 5) { sysread($client, my $question, 99) or die "it has ended\\n"; syswrite($client, 'answer') }
  print followed(), "\\n";
}
`;

const moves: Move[] = [{ family: 'ip', from: '192.0.2.1', to: '192.0.2.2' }];
/** Without what ends connections that are not kept: it is to speak on. */
const translate = redirect(moves, { keeps: true, plugged: true }).replace(/^.*reject with tcp reset$/m, '');

async function followedAfter(...rulesets: string[]): Promise<string> {
  const argv = ['unshare', '--net', '--', 'sh', '-euc', wiring, 'sh', pod, ...rulesets];
  return (await lab.run('node-a', argv)).trim().replaceAll('\n', ' ');
}

it('nothing is followed before it is clear what is kept, and all is afterwards', async () => {
  expect(await followedAfter(stayUntracked(moves), translate, keepThese([], [], moves))).toBe('0 0 1');
});
