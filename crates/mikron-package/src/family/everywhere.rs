//! What installations of every family have: the programs of POSIX and of the small packages that go with a shell, and the
//! directories of hier(7).

pub(super) const PROGRAMS: &[(&str, &str)] = &[("bin", BIN), ("sbin", SBIN)];

/// For everybody.
const BIN: &str = "
    awk base64 basename cat chgrp chmod chown cmp cp cut date dd df diff dirname du echo egrep env expr
    false fgrep find getent getopt grep gunzip gzip head hostname id install ln logger login ls md5sum
    mkdir mktemp mount mv nice nohup od passwd printf pwd readlink realpath rm rmdir sed seq setsid sh
    sha256sum sleep sort stat stty su sync tail tar tee test touch tr true truncate tty umount uname
    uniq wc which who whoami xargs yes zcat
";

/// For system administration.
const SBIN: &str = "
    chroot fstrim ldconfig nologin
";

/// Directories, without the slash at their start.
pub(super) const DIRECTORIES: &str = "
    boot dev etc etc/opt home media mnt opt proc root run run/lock srv sys tmp usr usr/bin usr/lib
    usr/local usr/local/bin usr/local/lib usr/local/sbin usr/local/share usr/sbin usr/share
    usr/share/doc usr/share/man usr/src var var/cache var/lib var/lib/misc var/log var/opt var/spool
    var/tmp
";
