//! Tags of wheels: for which Python, which machine and which C library one is made (PEP 425, 600, 656).

use crate::LibcFlavour;
use crate::versions::number;

/// The lowest version of Python that one of the tags is for, and whether later ones will do: `3.11`. `None` where any Python 3 does.
///
/// The stable interface (`abi3`) and code without C go with later versions, too; modules that are compiled for one version with none
/// but that.
pub(crate) fn python(tags: &[String]) -> Option<(String, bool)> {
    let mut lowest: Option<((u32, u32), bool)> = None;
    for tag in tags {
        let mut parts = tag.split('-');
        let (python, abi) = (parts.next()?, parts.next()?);
        let (of_c, version) = match (python.strip_prefix("cp"), python.strip_prefix("py")) {
            (Some(version), _) => (true, version),
            (_, Some(version)) => (false, version),
            _ => return None,
        };
        let (major, minor) = number(version)?.split_at_checked(1)?;
        let version = (major.parse().ok()?, minor.parse().ok()?);
        let found = (version, !of_c || abi == "abi3");
        lowest = Some(lowest.map_or(found, |known| known.min(found)));
    }
    let ((major, minor), or_later) = lowest?;
    Some((format!("{major}.{minor}"), or_later))
}

/// Whether one of the tags is for this machine (`x86_64`) and, where it is known, this C library.
///
/// ```
/// use mikron_facts::{LibcFlavour, wheel_fits};
/// let tags = ["cp311-cp311-manylinux_2_17_x86_64".to_owned()];
/// assert!(wheel_fits(&tags, "x86_64", Some(LibcFlavour::Glibc)));
/// assert!(!wheel_fits(&tags, "x86_64", Some(LibcFlavour::Musl)));
/// assert!(!wheel_fits(&tags, "aarch64", None));
/// ```
pub fn wheel_fits(tags: &[String], machine: &str, libc: Option<LibcFlavour>) -> bool {
    tags.iter().any(|tag| {
        let platform = tag.rsplit('-').next().unwrap_or_default();
        let made_for = match platform.split('_').next().unwrap_or_default() {
            "any" => return true,
            "linux" => None,
            "musllinux" => Some(LibcFlavour::Musl),
            kind if kind.starts_with("manylinux") => Some(LibcFlavour::Glibc),
            _ => return false,
        };
        let of_libc = made_for.is_none() || libc.is_none() || made_for == libc;
        let of_machine = platform.strip_suffix(machine);
        of_libc && of_machine.is_some_and(|rest| rest.ends_with('_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_wheel_says_for_which_python_it_is() {
        for (text, expected) in [
            ("cp311-cp311-linux_x86_64", Some(("3.11", false))),
            ("cp37-abi3-manylinux2014_x86_64", Some(("3.7", true))),
            (
                "cp36-abi3-linux_x86_64 cp311-cp311-linux_x86_64",
                Some(("3.6", true)),
            ),
            ("py38-none-any", Some(("3.8", true))),
            ("py3-none-any", None),
            ("py2-none-any py3-none-any", None),
            ("pp39-pypy39_pp73-linux_x86_64", None),
            ("nonsense", None),
        ] {
            let found = python(&tags(text));
            let found = found
                .as_ref()
                .map(|(version, later)| (version.as_str(), *later));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_wheel_says_for_which_machine_it_is() {
        let glibc = Some(LibcFlavour::Glibc);
        for (text, fits) in [
            ("py3-none-any", true),
            ("cp311-cp311-linux_x86_64", true),
            ("cp311-cp311-manylinux1_x86_64", true),
            ("cp311-cp311-musllinux_1_2_x86_64", false),
            ("cp311-cp311-manylinux_2_28_aarch64", false),
            ("cp311-cp311-macosx_11_0_arm64", false),
            (
                "cp311-cp311-win_amd64 cp311-cp311-manylinux2014_x86_64",
                true,
            ),
        ] {
            assert_eq!(wheel_fits(&tags(text), "x86_64", glibc), fits, "{text}");
        }
    }
}
