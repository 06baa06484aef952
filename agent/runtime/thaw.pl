# Thaws a cgroup whose threads CRIU has dumped and left where they are. CRIU leaves a thread that was in the middle of
# certain system calls as if a signal handler had run: the call fails with EINTR, which programs without any handler do
# not expect. Here it makes the call again; agent/images/interrupted-calls.ts does the same at the target. It takes
# ptrace, for which neither Node nor the shell has a call.
# usage: thaw.pl CONTROL-FILE WORD TASKS-FILE    for x86-64; whatever fails, it thaws
use strict;
my ($control, $word, $tasks) = @ARGV;

my ($ptrace, $seize, $interrupt, $getregs, $setregs, $detach) = (101, 0x4206, 0x4207, 12, 13, 17);
my $wall = 0x40000000;
# In user_regs_struct, of 27 numbers.
my ($r10, $rax, $rdx, $rsi, $rdi, $orig_rax, $rip, $cs) = (7, 10, 12, 13, 14, 15, 16, 17);
my $interrupted = -4;
my $code64 = 0x33;
# poll, nanosleep, futex, clock_nanosleep; of the sleeps: where the length comes from, and where the kernel has written
# what is left of it.
my %calls = (7 => [], 35 => [$rdi, $rsi], 202 => [], 230 => [$rdx, $r10]);

# Whoever is traced runs on when the tracer ends.
alarm 5;
open my $list, '<', $tasks or die "$tasks: $!\n";
# A watchdog and an agent may be here at the same time: the second must not thaw before the first has all of them.
flock $list, 2;
chomp(my @threads = is_frozen() ? <$list> : ());
@threads = grep { syscall($ptrace, $seize, $_ + 0, 0, 0) == 0 && syscall($ptrace, $interrupt, $_ + 0, 0, 0) == 0 } @threads;

open my $freezer, '>', $control or die "$control: $!\n";
syswrite $freezer, $word or die "$control: $!\n";
close $freezer;

for my $thread (@threads) {
    next unless waitpid($thread, $wall) == $thread;
    my $bytes = "\0" x (27 * 8);
    if (syscall($ptrace, $getregs, $thread + 0, 0, $bytes) == 0) {
        my @registers = unpack 'q27', $bytes;
        my $call = $calls{$registers[$orig_rax]};
        if ($call && $registers[$rax] == $interrupted && $registers[$cs] == $code64 && !is_signalled($thread)) {
            my ($length, $left) = @$call;
            $registers[$length] = $registers[$left] if defined $left && $registers[$left];
            $registers[$rax] = $registers[$orig_rax];
            $registers[$rip] -= 2;
            $bytes = pack 'q27', @registers;
            syscall($ptrace, $setregs, $thread + 0, 0, $bytes);
        }
    }
    syscall($ptrace, $detach, $thread + 0, 0, 0);
}

sub is_frozen {
    open my $state, '<', $control or return 0;
    return <$state> =~ /^(FROZEN|1)$/;
}

# Whether there is a signal for it, which may be what it is to be interrupted for.
sub is_signalled {
    my ($thread) = @_;
    open my $status, '<', "/proc/$thread/status" or return 1;
    my %mask = map { /^(SigPnd|ShdPnd|SigBlk):\s*([0-9a-f]+)/ ? ($1 => hex $2) : () } <$status>;
    return (($mask{SigPnd} | $mask{ShdPnd}) & ~$mask{SigBlk}) != 0;
}
