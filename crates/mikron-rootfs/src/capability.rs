//! Capabilities of files: the extended attribute that setcap(8) writes (capabilities(7), "File capability extended attribute
//! versioning").

/// The extended attribute.
pub(crate) const XATTR: &[u8] = b"security.capability";

/// The names by number, from `linux/capability.h`.
const NAMES: &[&str] = &[
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Revision 2: two words of each set, without a user namespace.
const REVISION: u32 = 0x0200_0000;

/// The value of the attribute for a text as setcap(8) takes it: `cap_net_raw,cap_net_admin+ep`, clauses separated by blanks.
/// `None` for what is no such text, and for effective capabilities that are not permitted.
pub(crate) fn encode(text: &str) -> Option<Vec<u8>> {
    let (mut permitted, mut inheritable, mut effective) = (0_u64, 0_u64, 0_u64);
    for clause in text.split_whitespace() {
        let at = clause.find(['+', '=', '-'])?;
        let (names, flags) = clause.split_at(at);
        let mut mask = 0;
        for name in names.split(',') {
            let name = name.to_ascii_lowercase();
            mask |= match name.as_str() {
                "all" | "" => (1 << NAMES.len()) - 1,
                name => {
                    let name = name.strip_prefix("cap_")?;
                    1_u64 << NAMES.iter().position(|known| *known == name)?
                }
            };
        }
        let (operator, letters) = flags.split_at(1);
        for (letter, set) in [
            ('p', &mut permitted),
            ('i', &mut inheritable),
            ('e', &mut effective),
        ] {
            let set_here = letters.contains(letter);
            match operator {
                "=" => *set = (*set & !mask) | if set_here { mask } else { 0 },
                "+" if set_here => *set |= mask,
                "-" if set_here => *set &= !mask,
                _ => {}
            }
        }
        if !letters.chars().all(|letter| "pie".contains(letter)) {
            return None;
        }
    }
    // The attribute knows one bit for all: what is permitted or inherited is effective at once.
    let all = permitted | inheritable;
    if all == 0 || (effective != 0 && effective != all) {
        return None;
    }
    let flags = REVISION | u32::from(effective != 0);
    let low = |set: u64| u32::try_from(set & u64::from(u32::MAX)).unwrap_or(0);
    let words = [
        flags,
        low(permitted),
        low(inheritable),
        low(permitted >> 32),
        low(inheritable >> 32),
    ];
    Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_is_what_setcap_writes() {
        // getfattr -e hex of /usr/bin/ping on Debian: 0x0100000200200000000000000000000000000000.
        let value = encode("cap_net_raw+ep").unwrap();
        assert_eq!(
            value,
            [
                1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
            ]
        );
        assert_eq!(encode("CAP_NET_RAW=pe"), Some(value));
        let two = encode("cap_net_bind_service,cap_bpf=p").unwrap();
        assert_eq!(&two[..8], [0, 0, 0, 2, 0, 4, 0, 0]);
        assert_eq!(two[12], 0x80);
        for wrong in [
            "",
            "net_raw+ep",
            "cap_net_raw",
            "cap_net_raw+x",
            "cap_nothing+p",
            "cap_kill+e",
        ] {
            assert_eq!(encode(wrong), None, "{wrong}");
        }
    }
}
