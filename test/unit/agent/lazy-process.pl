# Stands for what CRIU's restore leaves behind: maps memory without its content, hands a userfaultfd for it over, and then
# uses it. Each page is to begin with its own number.
# usage: lazy-process.pl SOCKET PAGES. First it says where its memory is: "PID FROM TO"; goes on at a line on standard
# input; at the end says "right", or which page is wrong.
use strict;
use warnings;
use Socket;

my ($path, $pages) = @ARGV;
$| = 1;
my $page = 4096;
my $length = $pages * $page;
# mmap: readable and writable, private and anonymous.
my $at = syscall(9, 0, $length, 3, 0x22, -1, 0);
print "$$ $at ", $at + $length, "\n";
<STDIN>;
my $fd = syscall(323, 02004000);
my $api = pack 'Q Q Q', 0xaa, 0x4e, 0;
open my $faults, '+<&=', $fd or die "userfaultfd: $!\n";
ioctl($faults, 0xc018aa3f, $api) or die "UFFDIO_API: $!\n";
ioctl($faults, 0xc020aa00, my $range = pack 'Q Q Q Q', $at, $length, 1, 0) or die "UFFDIO_REGISTER: $!\n";
socket(my $filler, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
connect($filler, pack_sockaddr_un($path)) or die "$path: $!\n";
syswrite $filler, pack 'l', $$;
my ($byte, $control) = (pack('C', 0), pack('Q l l l x4', 20, SOL_SOCKET, SCM_RIGHTS(), $fd));
my $vector = pack 'J J', unpack('J', pack 'p', $byte), 1;
my $message = pack 'J L x4 J J J J l x4', 0, 0, unpack('J', pack 'p', $vector), 1, unpack('J', pack 'p', $control), 24, 0;
syscall(46, fileno($filler), $message, 0) == 1 or die "sendmsg: $!\n";
# The last one first: somebody waits for it before all is let go.
my @wrong = grep { word($at + $_ * $page) != $_ } $pages - 1;
syswrite $filler, pack 'l', 0x52535446;
close $faults;
# What is unmapped is not filled; what is moved is filled where it is now; what is dropped is zero.
syscall(11, $at, 4 * $page);
syscall(28, $at + 4 * $page, 2 * $page, 4);
push @wrong, grep { word($at + $_ * $page) != 0 } 4, 5;
my $elsewhere = syscall(25, $at + 8 * $page, 8 * $page, 8 * $page, 3, $at + $length + (64 << 20));
push @wrong, grep { word($elsewhere + ($_ - 8) * $page) != $_ } 8 .. 15;
my $child = fork() // die "fork: $!\n";
push @wrong, grep { word($at + $_ * $page) != $_ } 16 .. $pages - 1;
if (!$child) {
    exit(@wrong ? 1 : 0);
}
waitpid $child, 0;
push @wrong, 'child' if $?;
print @wrong ? "wrong: @wrong\n" : "right\n";
<STDIN>;

sub word { unpack 'L', unpack 'P4', pack 'J', $_[0] }
