//! The applets of a busybox, from the list in the binary itself.
//!
//! Alpine's busybox package makes its links in a script that asks the program (`busybox --install`). No script runs here, and
//! nothing that the image holds is executed; the names stand in the program's data, and from there a finalizer takes them.

use memchr::memmem;

/// The fewest names that make a list: anything with fewer is more likely something else.
const FEWEST: usize = 4;

/// The names of a busybox's applets, in the order of its list, or `None` where the binary has no such list.
///
/// busybox keeps them as one run of texts that end in a NUL byte, sorted by their bytes, without doubles: it looks an applet up
/// by halving. The run is recognised by that and by the name of a shell or `busybox` itself in it; of several such runs the
/// longest is the list.
///
/// ```
/// use mikron_apk::applets;
/// let binary = b"\x7fELF\0\0ls\0[\0[[\0ash\0busybox\0cat\0ls\0sh\0\0rodata";
/// assert_eq!(applets(binary), Some(vec!["[", "[[", "ash", "busybox", "cat", "ls", "sh"]));
/// assert_eq!(applets(b"\x7fELF\0sh\0"), None);
/// ```
pub fn applets(binary: &[u8]) -> Option<Vec<&str>> {
    if !binary.starts_with(b"\x7fELF") {
        return None;
    }
    let mut best: Option<Vec<&str>> = None;
    let mut end = 0;
    // Every list has one of these, and each is looked for with its NUL bytes, which a text that merely holds it lacks.
    for anchor in [&b"\0busybox\0"[..], b"\0ash\0", b"\0sh\0"] {
        for at in memmem::find_iter(binary, anchor) {
            if at < end && best.is_some() {
                continue;
            }
            let (start, stop) = run(binary, at + 1);
            end = end.max(stop);
            let names: Vec<&str> = binary[start..stop]
                .split(|b| *b == 0)
                .filter_map(name)
                .collect();
            if names.len() >= FEWEST && best.as_ref().is_none_or(|b| b.len() < names.len()) {
                best = Some(names);
            }
        }
    }
    best
}

/// The directory in which `busybox --install` puts an applet: that of its table, as Alpine builds it.
///
/// ```
/// use mikron_apk::applet_directory;
/// assert_eq!(["sh", "env", "ip", "adduser"].map(applet_directory), ["bin", "usr/bin", "sbin", "usr/sbin"]);
/// ```
pub fn applet_directory(name: &str) -> &'static str {
    let tables = [
        ("bin", IN_BIN),
        ("sbin", IN_SBIN),
        ("usr/sbin", IN_USR_SBIN),
    ];
    let has = |(_, names): &&(_, &str)| names.split(' ').any(|known| known == name);
    tables.iter().find(has).map_or("usr/bin", |(dir, _)| dir)
}

/// Applets of /bin; those of no table lie in /usr/bin.
const IN_BIN: &str = "\
    arch ash base32 base64 bbconfig busybox cat chattr chgrp chmod chown cp cpio cttyhack date dd df dmesg \
    dnsdomainname dumpkmap echo ed egrep false fatattr fdflush fgrep fsync getopt grep gunzip gzip hostname hush \
    ionice iostat ipcalc kbd_mode kill link linux32 linux64 ln login ls lsattr lzop makemime mkdir mknod mktemp \
    more mount mountpoint mpstat mt mv netstat nice nuke pidof ping ping6 pipe_progress printenv ps pwd readlink \
    reformime resume rev rm rmdir rpm run-parts scriptreplay sed setarch setpriv setserial sh sleep stat stty su \
    sync tar touch true umount uname uncompress usleep vi watch zcat\
";

/// Applets of /sbin.
const IN_SBIN: &str = "\
    acpid adjtimex arp blkid blockdev bootchartd depmod devmem fbsplash fdisk findfs freeramdisk fsck fsck.minix \
    fstrim getty halt hdparm hwclock ifconfig ifdown ifenslave ifup init inotifyd insmod ip ipaddr iplink ipneigh \
    iproute iprule iptunnel klogd loadkmap logread losetup lsmod makedevs mdev mkdosfs mke2fs mkfs.ext2 mkfs.minix \
    mkfs.reiser mkfs.vfat mkswap modinfo modprobe nameif nologin pivot_root poweroff raidautorun reboot rmmod \
    route run-init runlevel setconsole slattach start-stop-daemon sulogin swapoff swapon switch_root sysctl \
    syslogd tc tunctl udhcpc uevent vconfig watchdog zcip\
";

/// Applets of /usr/sbin.
const IN_USR_SBIN: &str = "\
    add-shell addgroup adduser arping brctl chpasswd chroot crond delgroup deluser dhcprelay dnsd ether-wake \
    fakeidentd fbset fsfreeze ftpd httpd i2cdetect i2cdump i2cget i2cset i2ctransfer ifplugd inetd killall5 \
    loadfont lpd mim nanddump nandwrite nbd-client ntpd partprobe popmaildir powertop rdate rdev readahead \
    readprofile remove-shell rtcwake sendmail setfont setlogcons svlogd telnetd ubiattach ubidetach ubimkvol \
    ubirename ubirmvol ubirsvol ubiupdatevol udhcpd\
";

/// Where the sorted run of names begins and ends in which the one at `at` stands.
fn run(binary: &[u8], at: usize) -> (usize, usize) {
    let mut start = at;
    let mut first = name_at(binary, at);
    while let Some(known) = first
        && start >= 2
    {
        // The byte before is the NUL of the name before that.
        let before = &binary[..start - 1];
        let begin = before
            .iter()
            .rposition(|b| *b == 0)
            .map_or(0, |nul| nul + 1);
        match name(&before[begin..]) {
            Some(earlier) if earlier.as_bytes() < known.as_bytes() => {
                start = begin;
                first = Some(earlier);
            }
            _ => break,
        }
    }
    let mut stop = at;
    let mut last: Option<&str> = None;
    while let Some(next) = name_at(binary, stop) {
        if last.is_some_and(|last| last.as_bytes() >= next.as_bytes()) {
            break;
        }
        last = Some(next);
        stop += next.len() + 1;
    }
    (start, stop)
}

/// The name that begins at `at` and ends in a NUL byte.
fn name_at(binary: &[u8], at: usize) -> Option<&str> {
    let rest = binary.get(at..)?;
    let end = memchr::memchr(0, &rest[..rest.len().min(LONGEST + 1)])?;
    name(&rest[..end])
}

/// The longest name that an applet may have, in bytes.
const LONGEST: usize = 64;

/// A text that an applet could be called.
fn name(bytes: &[u8]) -> Option<&str> {
    let allowed =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'[' | b'+');
    if bytes.is_empty() || bytes.len() > LONGEST || !bytes.iter().all(allowed) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
