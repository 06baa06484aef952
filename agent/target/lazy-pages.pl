# Fills the memory of a container that CRIU has restored without it. CRIU hands over a userfaultfd for each process, and
# from then on whoever touches a page that has not come waits for it: the page is asked for at once, all others one after
# the other, until none is missing. It outlives the agent that brings the pages; that may go and come back.
# usage: lazy-pages.pl DIRECTORY PATIENCE, the container's directory (agent/paths.ts) and seconds. In there:
#   lazy-pages.socket   CRIU's restore connects to it
#   lazy-ranges         "PID FROM TO" in bytes: what is missing, by the addresses of the dump; there before the go
#   pages.socket        the agent listens there. It is asked with id, address, bytes (8 each) and pid (4), and answers
#                       with id, bytes (8 each) and those bytes
#   lazy-restore        CRIU's pid
#   lazy-done, lazy-lost   how it has ended: all is there; or no page came for PATIENCE seconds
# A page that is not there must never be taken for one of zeros, which is what a process gets when nobody has its
# userfaultfd any more. So when it is lost the container is killed first; and a second process has the descriptors as
# well, which does that should this one die.
use strict;
use warnings;
use Fcntl;
use POSIX ();
use Socket;

my ($directory, $patience) = @ARGV;
my $page = POSIX::sysconf(POSIX::_SC_PAGESIZE());
my ($SYS_sendmsg, $SYS_recvmsg) = (POSIX::uname())[4] eq 'aarch64' ? (211, 212) : (46, 47);
my ($UFFDIO_COPY, $UFFDIO_ZEROPAGE, $UFFDIO_WAKE) = (0xc028aa03, 0xc020aa04, 0x8010aa02);
my ($PAGEFAULT, $FORK, $REMAP, $REMOVE, $UNMAP) = 0x12 .. 0x16;
# What CRIU says instead of a pid when it lets the processes go.
my $restored = 0x52535446;
# Around a page that somebody waits for; and of what nobody waits for, how much at a time and how many of them.
my ($near, $far, $ahead) = (64 << 10, 1 << 20, 3);

chdir $directory or die "$directory: $!\n";
$SIG{PIPE} = 'IGNORE';
socketpair(my $worker, my $guard, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!\n";
my $pid = fork() // die "fork: $!\n";
if ($pid) {
    close $guard;
    guard();
}
close $worker;

# Of each process: {fd, pid, ranges: [[from, to, from at the dump], …] that nobody has asked for, sorted; gone}.
my @spaces;
# What was asked for and has not come: {at, bytes, pid, far, pieces: [[space, from, to, offset], …]}.
my (%asked, $last);
my $ranges;
my ($restore, $finished);
# Of what the agent is answering: its id, its bytes, those that have come.
my ($agent, $head, $id, $bytes, $data);
my $heard = now();

unlink 'lazy-pages.socket';
socket(my $door, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
bind($door, pack_sockaddr_un('lazy-pages.socket')) && listen($door, 8) or die "lazy-pages.socket: $!\n";

for (;;) {
    if ($finished) {
        ask_ahead();
        end('lazy-done') if !%asked && !grep { !$_->{gone} && @{ $_->{ranges} } } @spaces;
    }
    meet_agent() unless $agent;
    my $wanted = '';
    vec($wanted, fileno($restore // $door), 1) = 1 unless $finished;
    vec($wanted, fileno($agent), 1) = 1 if $agent;
    vec($wanted, fileno($_->{fd}), 1) = 1 for grep { !$_->{gone} } @spaces;
    my $some = select($wanted, undef, undef, $agent ? 1 : 0.1);
    $heard = now() unless %asked;
    give_up() if now() - $heard > $patience;
    next if $some <= 0;
    # First: what is unmapped must not be filled.
    for my $space (@spaces) { events($space) if vec($wanted, fileno($space->{fd}), 1) }
    hear() if $agent && vec($wanted, fileno($agent), 1);
    next if $finished;
    if (!$restore) { meet() if vec($wanted, fileno($door), 1) }
    elsif (vec($wanted, fileno($restore), 1)) { told() }
}

# CRIU's restore, of which there may be a second one when the first has failed.
sub meet {
    accept($restore, $door) or return;
    open my $word, '>', 'lazy-restore' or die "lazy-restore: $!\n";
    print $word unpack('i', getsockopt($restore, SOL_SOCKET, SO_PEERCRED));
    close $word;
    return if $ranges;
    open my $list, '<', 'lazy-ranges' or die "lazy-ranges: $!\n";
    while (<$list>) { push @{ $ranges->{$1} }, [$2 + 0, $3 + 0, $2 + 0] if /^(\d+) (\d+) (\d+)$/ }
}

sub told {
    my ($word) = receive($restore, 4);
    if (length $word < 4) {
        # It failed, and has killed what it had made.
        undef $restore;
        (@spaces, %asked) = ();
        close $agent if $agent;
        undef $agent;
        syswrite $guard, 'r';
        return;
    }
    my $of = unpack 'l', $word;
    if ($of == $restored) { $finished = 1 }
    elsif ($of > 0) {
        my (undef, $fd) = receive($restore, 1);
        die "CRIU sent no descriptor for process $of\n" unless defined $fd;
        add($fd, $of, [map { [@$_] } @{ $ranges->{$of} // [] }]);
    }
}

sub add {
    my ($fd, $of, $its) = @_;
    open my $handle, '+<&=', $fd or die "descriptor $fd: $!\n";
    entrust($fd);
    my $space = { fd => $handle, pid => $of, ranges => $its };
    push @spaces, $space;
    return $space;
}

# What happens to the memory of a process, in its order. @returns whether anything did
sub events {
    my ($space) = @_;
    my $any = 0;
    while (sysread($space->{fd}, my $message, 32)) {
        $any = 1;
        my ($event, $first, $second, $third) = unpack 'C x7 Q Q Q', $message;
        if ($event == $PAGEFAULT) { fault($space, $second & ~($page - 1)) }
        elsif ($event == $REMOVE || $event == $UNMAP) { forget($space, $first, $second) }
        elsif ($event == $REMAP) { move($space, $first, $second, $third) }
        elsif ($event == $FORK) {
            # What has not come for the one has not come for the other.
            my $child = add($first & 0xffffffff, $space->{pid}, [map { [@$_] } @{ $space->{ranges} }]);
            for my $request (values %asked) {
                my @same = grep { $_->[0] == $space } @{ $request->{pieces} };
                push @{ $request->{pieces} }, map { [$child, @$_[1 .. 3]] } @same;
            }
        }
    }
    return $any;
}

sub fault {
    my ($space, $at) = @_;
    for my $request (values %asked) {
        return if grep { $_->[0] == $space && $at >= $_->[1] && $at < $_->[2] } @{ $request->{pieces} };
    }
    my $all = $space->{ranges};
    my $index = behind($all, $at);
    return zero($space, $at) if $index == @$all || $all->[$index][0] > $at;
    my ($from, $to) = @{ $all->[$index] };
    my ($low, $high) = ($at & ~($near - 1), ($at | ($near - 1)) + 1);
    ask($space, $index, $low > $from ? $low : $from, $high < $to ? $high : $to, 0);
}

# Nothing was there when it was dumped.
sub zero {
    my ($space, $at) = @_;
    my $order = pack 'Q Q Q q', $at, $page, 0, 0;
    return if ioctl($space->{fd}, $UFFDIO_ZEROPAGE, $order);
    # There, or not mapped any more: whoever waits looks again.
    ioctl($space->{fd}, $UFFDIO_WAKE, my $range = pack 'Q Q', $at, $page);
}

# @returns index of the first range that ends behind it
sub behind {
    my ($all, $at) = @_;
    my ($low, $high) = (0, scalar @$all);
    while ($low < $high) {
        my $middle = ($low + $high) >> 1;
        if ($all->[$middle][1] > $at) { $high = $middle }
        else { $low = $middle + 1 }
    }
    return $low;
}

sub ask {
    my ($space, $index, $from, $to, $isFar) = @_;
    my $all = $space->{ranges};
    my ($begin, $end, $dumped) = @{ $all->[$index] };
    my @rest;
    push @rest, [$begin, $from, $dumped] if $from > $begin;
    push @rest, [$to, $end, $dumped + $to - $begin] if $to < $end;
    splice @$all, $index, 1, @rest;
    my ($number, $at) = (++$last, $dumped + $from - $begin);
    $asked{$number} = { at => $at, bytes => $to - $from, pid => $space->{pid}, far => $isFar, pieces => [[$space, $from, $to, 0]] };
    order($number);
}

sub ask_ahead {
    my $under = grep { $_->{far} } values %asked;
    for my $space (@spaces) {
        while ($under < $ahead && !$space->{gone} && @{ $space->{ranges} }) {
            my ($from, $to) = @{ $space->{ranges}[0] };
            ask($space, 0, $from, $to - $from > $far ? $from + $far : $to, 1);
            $under += 1;
        }
    }
}

# Takes [from, to) out of what is missing.
sub forget {
    my ($space, $from, $to) = @_;
    cut($space->{ranges}, 0, $from, $to);
    cut($_->{pieces}, 1, $from, $to, $space) for values %asked;
}

# What of a list lies in [from, to) is taken out and returned. An item is [from, to, at], or [space, from, to, at].
sub cut {
    my ($list, $first, $from, $to, $space) = @_;
    my ($index, @out) = $first ? 0 : behind($list, $from);
    while ($index < @$list) {
        my @item = @{ $list->[$index] };
        my ($begin, $end, $at) = @item[$first .. $first + 2];
        if (defined $space && $item[0] != $space || $end <= $from || $begin >= $to) {
            last unless $first;
            $index += 1;
            next;
        }
        my @of = @item[0 .. $first - 1];
        my ($low, $high) = ($begin > $from ? $begin : $from, $end < $to ? $end : $to);
        my @rest;
        push @rest, [@of, $begin, $low, $at] if $begin < $low;
        push @rest, [@of, $high, $end, $at + $high - $begin] if $high < $end;
        push @out, [@of, $low, $high, $at + $low - $begin];
        splice @$list, $index, 1, @rest;
        $index += @rest;
    }
    return @out;
}

sub move {
    my ($space, $from, $to, $length) = @_;
    my $by = $to - $from;
    my @moved = map { [$_->[0] + $by, $_->[1] + $by, $_->[2]] } cut($space->{ranges}, 0, $from, $from + $length);
    @{ $space->{ranges} } = sort { $a->[0] <=> $b->[0] } @{ $space->{ranges} }, @moved if @moved;
    for my $request (values %asked) {
        my @pieces = cut($request->{pieces}, 1, $from, $from + $length, $space);
        push @{ $request->{pieces} }, map { [$space, $_->[1] + $by, $_->[2] + $by, $_->[3]] } @pieces;
    }
}

sub meet_agent {
    socket($agent, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
    return leave_agent() unless connect($agent, pack_sockaddr_un('pages.socket'));
    fcntl($agent, F_SETFL, O_NONBLOCK);
    ($head, $id) = ('', undef);
    # Whoever was asked before has forgotten it.
    order($_) for sort { $a <=> $b } keys %asked;
}

sub leave_agent {
    close $agent if $agent;
    undef $agent;
}

sub order {
    my ($number) = @_;
    my ($at, $wanted, $of) = @{ $asked{$number} }{qw(at bytes pid)};
    return unless $agent;
    my $order = pack 'Q< Q< Q< L<', $number, $at, $wanted, $of;
    leave_agent() unless (syswrite($agent, $order) // 0) == length $order;
}

sub hear {
    my $count;
    if (!defined $id) {
        $count = sysread($agent, $head, 16 - length $head, length $head);
        if ($count && length $head == 16) {
            ($id, $bytes) = unpack 'Q< Q<', $head;
            ($head, $data) = ('', '');
        }
    } else {
        $count = sysread($agent, $data, $bytes - length $data, length $data);
    }
    return leave_agent() if defined $count ? $count == 0 : !$!{EAGAIN} && !$!{EINTR};
    $heard = now();
    return unless defined $id && length $data == $bytes;
    my $request = delete $asked{$id};
    die "the agent answered with $bytes bytes what it was not asked\n" if $request && $request->{bytes} != $bytes;
    fill($request) if $request;
    undef $id;
}

sub fill {
    my ($request) = @_;
    my $pieces = $request->{pieces};
    # Where events find it, as long as some of it is not in its place.
    local $asked{0} = $request;
    my $base = unpack 'J', pack 'p', $data;
    while (my $piece = shift @$pieces) {
        my ($space, $from, $to, $offset) = @$piece;
        next if $space->{gone};
        my $order = pack 'Q Q Q Q q', $from, $base + $offset, $to - $from, 0, 0;
        next if ioctl($space->{fd}, $UFFDIO_COPY, $order);
        my ($errno, $done) = ($! + 0, unpack 'x32 q', $order);
        if ($done > 0) { $from += $done; $offset += $done }
        elsif ($errno == POSIX::EAGAIN() || $errno == POSIX::ENOMEM()) { }
        elsif ($errno == POSIX::ESRCH() || $errno == POSIX::ENOSPC()) {
            $space->{gone} = 1;
            next;
        }
        # More than one mapping by now; or not mapped, or there already.
        elsif ($to - $from > $page) {
            my $half = ($to - $from) / $page >> 1;
            my $middle = $from + $half * $page;
            unshift @$pieces, [$space, $from, $middle, $offset], [$space, $middle, $to, $offset + $middle - $from];
            next;
        }
        elsif ($errno == POSIX::EEXIST() || $errno == POSIX::ENOENT()) {
            ioctl($space->{fd}, $UFFDIO_WAKE, my $range = pack 'Q Q', $from, $page);
            next;
        }
        else { die "filling page $from of process $space->{pid}: error $errno\n" }
        unshift @$pieces, [$space, $from, $to, $offset];
        # Something is changing what is mapped, and waits for us to hear of it.
        if ($errno == POSIX::EAGAIN() || $errno == POSIX::ENOMEM()) { events($space) || select undef, undef, undef, 0.001 }
    }
}

sub give_up {
    end('lazy-lost') if $finished;
    # Nothing has run yet: the restore has failed, and that is all.
    kill_all();
    $heard = now();
}

sub end {
    my ($how) = @_;
    kill_all() if $how eq 'lazy-lost';
    open my $word, '>', $how or die "$how: $!\n";
    exit 0;
}

# Has a second copy of every descriptor, so that none ever ends without this one's doing.
sub guard {
    my @kept;
    for (;;) {
        my ($word, $fd) = receive($worker, 1);
        last if $word eq '';
        if (defined $fd) { push @kept, $fd }
        else {
            POSIX::close($_) for @kept;
            @kept = ();
        }
    }
    waitpid $pid, 0;
    exit 0 if $? == 0;
    kill_all();
    open my $word, '>', 'lazy-lost';
    exit 1;
}

sub entrust {
    my ($fd) = @_;
    my $control = pack 'Q l l l x4', 20, SOL_SOCKET, SCM_RIGHTS(), $fd;
    my $byte = pack 'C', 0;
    my $vector = pack 'J J', unpack('J', pack 'p', $byte), 1;
    my $message = pack 'J L x4 J J J J l x4', 0, 0, unpack('J', pack 'p', $vector), 1, unpack('J', pack 'p', $control), 24, 0;
    syscall($SYS_sendmsg, fileno($guard), $message, 0) == 1 or die "handing a descriptor over: $!\n";
}

# @returns the bytes, fewer at the end; and a descriptor that came with them
sub receive {
    my ($socket, $count) = @_;
    my ($buffer, $control) = ('', '');
    vec($buffer, $count - 1, 8) = 0;
    vec($control, 23, 8) = 0;
    my $vector = pack 'J J', unpack('J', pack 'p', $buffer), $count;
    my $message = pack 'J L x4 J J J J l x4', 0, 0, unpack('J', pack 'p', $vector), 1, unpack('J', pack 'p', $control), 24, 0;
    my $got = syscall($SYS_recvmsg, fileno($socket), $message, 0);
    return '' if $got <= 0;
    my ($length, $level, $type, $fd) = unpack 'Q l l l', $control;
    return (substr($buffer, 0, $got), $length == 20 ? $fd : undef);
}

# Everything of the container, and of a restore that has not ended.
sub kill_all {
    for (1 .. 250) {
        my @pids = (members(), restoring());
        return unless @pids;
        kill 'KILL', @pids;
        select undef, undef, undef, 0.02;
    }
}

sub members {
    open my $file, '<', 'bundle/init.pid' or return;
    my $init = <$file> // '';
    open my $groups, '<', "/proc/$init/cgroup" or return;
    my %path = map { /^(\d+):([^:]*):(.*)$/ ? ($2 || $1 => $3) : () } <$groups>;
    my $path = $path{freezer} ? "/sys/fs/cgroup/freezer$path{freezer}" : "/sys/fs/cgroup$path{0}";
    open my $procs, '<', "$path/cgroup.procs" or return;
    chomp(my @pids = <$procs>);
    return @pids;
}

# CRIU, as long as it is there, and what it has made.
sub restoring {
    open my $word, '<', 'lazy-restore' or return;
    my $root = <$word> // 0;
    open my $comm, '<', "/proc/$root/comm" or return;
    return unless <$comm> eq "criu\n";
    my (%children, @all);
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $stat or next;
        push @{ $children{$2} }, $1 if (<$file> // '') =~ /^(\d+) \(.*\) \S (\d+)/s;
    }
    my @next = ($root);
    while (defined(my $each = shift @next)) {
        push @all, $each if -e "/proc/$each";
        push @next, @{ $children{$each} // [] };
    }
    return @all;
}

sub now {
    open my $uptime, '<', '/proc/uptime' or return 0;
    return (split ' ', <$uptime>)[0];
}
