//! What holds of every path inside the root, whatever bytes it was made of.

use mikron_package::{PathError, RootPath};
use proptest::prelude::*;

/// Bytes that are often nearly a path: few components, many of them special.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let component = prop_oneof![
        4 => prop::sample::select(vec!["usr", "lib", "a", "b", "a.b", "a-b", "a b", "é", "...", "a!"]).prop_map(|text| text.as_bytes().to_vec()),
        2 => prop::sample::select(vec!["", ".", ".."]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => (250usize..260).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(component, 0..6).prop_map(|components| components.join(&b'/'))
}

/// Paths that can be.
fn path() -> impl Strategy<Value = RootPath> {
    bytes().prop_filter_map("it is no path", |bytes| RootPath::new(&bytes).ok())
}

/// Where a link leads in a chroot, one component after another.
fn walked(link: &RootPath, target: &[u8]) -> Result<RootPath, PathError> {
    let absolute = target.first() == Some(&b'/');
    let mut at = link.parent().filter(|_| !absolute).unwrap_or_default();
    for component in target.split(|byte| *byte == b'/') {
        at = match component {
            b".." => at.parent().unwrap_or_default(),
            name => at.join(name)?,
        };
    }
    Ok(at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_path_is_normal_or_refused_with_a_reason(bytes in bytes()) {
        let climbs = bytes.split(|byte| *byte == b'/').any(|component| component == b"..");
        let long = bytes.split(|byte| *byte == b'/').any(|component| component.len() > RootPath::MAX_COMPONENT);
        let refused = climbs || long || bytes.contains(&0) || bytes.len() > RootPath::MAX_LEN;
        match RootPath::new(&bytes) {
            Err(error) => {
                prop_assert!(refused, "{}", error);
                prop_assert!(!error.reason.is_empty());
            }
            Ok(path) => {
                prop_assert!(!refused);
                // No way leads out of the root, and what is normal stays as it is.
                for component in path.components() {
                    prop_assert!(!component.is_empty() && component != b"." && component != b"..");
                }
                prop_assert_eq!(RootPath::new(path.as_bytes()), Ok(path.clone()));
                let parts: Vec<&[u8]> = path.components().collect();
                prop_assert_eq!(parts.join(&b'/'), path.as_bytes());
            }
        }
    }

    #[test]
    fn parents_lead_to_the_root_and_back(path in path()) {
        let mut up = path.clone();
        let mut steps = 0;
        while let (Some(parent), Some(name)) = (up.parent(), up.file_name().map(<[u8]>::to_vec)) {
            prop_assert_eq!(parent.join(&name), Ok(up.clone()));
            prop_assert!(up.starts_with(&parent) && !parent.starts_with(&up));
            prop_assert!(parent < up);
            up = parent;
            steps += 1;
        }
        prop_assert!(up.is_root());
        prop_assert_eq!(steps, path.components().count());
        prop_assert_eq!(path.ancestors().count(), steps);
    }

    #[test]
    fn a_directory_is_followed_by_what_it_holds(mut paths in prop::collection::vec(path(), 1..20)) {
        let directories: Vec<RootPath> = paths.iter().flat_map(RootPath::ancestors).collect();
        paths.extend(directories);
        paths.sort();
        paths.dedup();
        for (place, directory) in paths.iter().enumerate() {
            let behind = &paths[place + 1..];
            let inside = behind.iter().take_while(|path| path.starts_with(directory)).count();
            prop_assert!(behind[inside..].iter().all(|path| !path.starts_with(directory)));
        }
    }

    #[test]
    fn equal_paths_and_no_others_are_equal_in_order(a in path(), b in path()) {
        prop_assert_eq!(a == b, a.cmp(&b).is_eq());
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }

    #[test]
    fn a_link_leads_where_a_walk_in_a_chroot_leads(link in path(), target in bytes()) {
        match (link.resolve_link(&target), walked(&link, &target)) {
            (ours, Ok(theirs)) => prop_assert_eq!(ours, Ok(theirs)),
            // A walk fails over a name that is too long even where the next step leaves it.
            (Ok(ours), Err(_)) => prop_assert!(RootPath::new(ours.as_bytes()).is_ok()),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn what_is_kept_is_read_again(path in path()) {
        let kept = postcard::to_stdvec(&path).expect("it can be written");
        prop_assert_eq!(postcard::from_bytes::<RootPath>(&kept), Ok(path.clone()));
        // Text for people is for printable names: there it is the same.
        let shown = path.to_string();
        prop_assert!(shown.starts_with('/') && !shown.chars().any(char::is_control));
        let printable = std::str::from_utf8(path.as_bytes()).is_ok_and(|text| !text.chars().any(char::is_control));
        if printable {
            let json = serde_json::to_string(&path).expect("it can be written");
            prop_assert_eq!(serde_json::from_str::<RootPath>(&json).ok(), Some(path));
        }
    }
}
