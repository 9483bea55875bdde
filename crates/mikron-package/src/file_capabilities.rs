//! File capabilities: from the text of cap_from_text(3), which rpm's headers, setcap(8) and specs have, to the attribute
//! `security.capability` of a file system (capabilities(7), "File capability extended attribute versioning").

/// The name of the extended attribute that holds the capabilities of a file (capabilities(7)).
///
/// ```
/// assert_eq!(mikron_package::CAPABILITY_XATTR, b"security.capability");
/// ```
pub const CAPABILITY_XATTR: &[u8] = b"security.capability";

/// The capabilities by their numbers (capability.h of Linux), without `cap_`.
const NAMES: [&str; 41] = [
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

/// `VFS_CAP_REVISION_2` (capability.h of Linux).
const REVISION_2: u32 = 0x0200_0000;

/// The three sets of capabilities, one bit each.
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u64,
    inheritable: u64,
    permitted: u64,
}

/// The value of the attribute for a text (`cap_net_bind_service,cap_net_raw=ep`), in the layout of `VFS_CAP_REVISION_2`.
///
/// ```
/// // What `getfattr -e hex` shows of ping.
/// let value = mikron_package::file_capabilities(b"cap_net_raw+ep").expect("a text of capabilities");
/// assert_eq!(value[..8], [1, 0, 0, 2, 0, 0x20, 0, 0]);
/// ```
///
/// # Errors
/// When the text is not one of capabilities, or names sets that a file cannot have: what a file makes effective is one bit for
/// all that it permits or passes on.
pub fn file_capabilities(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "is not text")?;
    let mut sets = Sets::default();
    for clause in text.split_ascii_whitespace() {
        sets = apply(sets, clause)?;
    }
    if text.trim_ascii().is_empty() {
        return Err("is empty");
    }
    let kept = sets.permitted | sets.inheritable;
    if sets.effective != 0 && sets.effective != kept {
        return Err("makes some of the capabilities effective and some not, which a file cannot");
    }
    let magic = REVISION_2 | u32::from(sets.effective != 0);
    let half = |set: u64, high: bool| (if high { set >> 32 } else { set }) as u32;
    let words = [
        magic,
        half(sets.permitted, false),
        half(sets.inheritable, false),
        half(sets.permitted, true),
        half(sets.inheritable, true),
    ];
    Ok(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

/// One clause: names, and then one or several operators with their flags.
fn apply(mut sets: Sets, clause: &str) -> Result<Sets, &'static str> {
    let operators = ['=', '+', '-'];
    let at = clause
        .find(operators)
        .ok_or("has a clause without an operator")?;
    let (names, mut actions) = clause.split_at(at);
    let all = (1_u64 << NAMES.len()) - 1;
    let mask = match names {
        "" if actions.starts_with('=') => all,
        "" => return Err("names no capability"),
        names => {
            let mut mask = 0;
            for name in names.split(',') {
                mask |= if name.eq_ignore_ascii_case("all") {
                    all
                } else {
                    1 << number(name).ok_or("names an unknown capability")?
                };
            }
            mask
        }
    };
    while let Some(operator) = actions.chars().next() {
        let rest = &actions[1..];
        let end = rest.find(operators).unwrap_or(rest.len());
        let flags = &rest[..end];
        actions = &rest[end..];
        if !flags.chars().all(|flag| "eip".contains(flag)) {
            return Err("has a flag that is none of e, i and p");
        }
        for (flag, set) in [
            ('e', &mut sets.effective),
            ('i', &mut sets.inheritable),
            ('p', &mut sets.permitted),
        ] {
            let wanted = flags.contains(flag);
            match operator {
                '=' | '+' if wanted => *set |= mask,
                '=' => *set &= !mask,
                '-' if wanted => *set &= !mask,
                _ => {}
            }
        }
    }
    Ok(sets)
}

fn number(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_prefix("cap_")?;
    let known = NAMES.iter().position(|known| *known == plain);
    // Capabilities without a name yet are written by number.
    known.or_else(|| plain.parse().ok().filter(|number| *number < NAMES.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<u32> {
        let bytes = file_capabilities(text.as_bytes()).unwrap();
        bytes
            .chunks_exact(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect()
    }

    #[test]
    fn effective_and_permitted_sets_become_one_bit_and_a_mask() {
        assert_eq!(
            words("cap_net_bind_service=ep"),
            [0x0200_0001, 1 << 10, 0, 0, 0]
        );
        assert_eq!(words("= cap_net_raw+ep"), [0x0200_0001, 1 << 13, 0, 0, 0]);
        assert_eq!(
            words("cap_net_raw,cap_net_admin=p"),
            [0x0200_0000, 0x3000, 0, 0, 0]
        );
        assert_eq!(words("cap_chown=eip"), [0x0200_0001, 1, 1, 0, 0]);
    }

    #[test]
    fn capabilities_above_the_thirty_first_lie_in_the_second_half() {
        assert_eq!(words("cap_bpf=p"), [0x0200_0000, 0, 0, 1 << 7, 0]);
        assert_eq!(words("=p"), [0x0200_0000, u32::MAX, 0, 0x1ff, 0]);
    }

    #[test]
    fn operators_add_and_take_away_in_their_order() {
        assert_eq!(words("all=p cap_chown-p"), [0x0200_0000, !1, 0, 0x1ff, 0]);
        assert_eq!(words("cap_kill=ep+i"), [0x0200_0001, 1 << 5, 1 << 5, 0, 0]);
    }

    #[test]
    fn what_a_file_cannot_have_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "is empty"),
            ("cap_net_raw", "has a clause without an operator"),
            ("cap_fly=ep", "names an unknown capability"),
            ("cap_kill=x", "has a flag that is none of e, i and p"),
            ("+ep", "names no capability"),
        ] {
            assert_eq!(file_capabilities(text.as_bytes()), Err(reason), "{text}");
        }
        assert!(file_capabilities(b"cap_kill=ep cap_chown=p").is_err());
        assert!(file_capabilities(b"\xff=ep").is_err());
    }
}
