//! Where the links of a tree lead.

use mikron_package::RootPath;

/// How many links are followed, as Linux does (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Whether a relative link of a tree leads out of it, other links of the tree on its way followed. `target` says where the link at a
/// path of the tree points. Absolute ones on the way name a place of the image, and are judged for themselves.
pub(crate) fn leaves<'a>(
    link: &RootPath,
    points_to: &'a [u8],
    target: impl Fn(&RootPath) -> Option<&'a [u8]>,
) -> bool {
    let mut done: Vec<Vec<u8>> = link.components().map(<[u8]>::to_vec).collect();
    done.pop();
    let mut ahead: Vec<&[u8]> = points_to.split(|byte| *byte == b'/').rev().collect();
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        match name {
            b"" | b"." => continue,
            b".." => {
                if done.pop().is_none() {
                    return true;
                }
                continue;
            }
            name => done.push(name.to_vec()),
        }
        let Ok(at) = RootPath::new(&done.join(&b'/')) else {
            return false;
        };
        let Some(next) = target(&at) else { continue };
        followed += 1;
        if next.starts_with(b"/") || followed > MAX_LINKS {
            return false;
        }
        done.pop();
        ahead.extend(next.split(|byte| *byte == b'/').rev());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_out(link: &str, to: &str, others: &[(&str, &'static str)]) -> bool {
        let path = |text: &str| RootPath::new(text.as_bytes()).expect(text);
        let to: &'static str = to.to_owned().leak();
        leaves(&path(link), to.as_bytes(), |at| {
            let found = others.iter().find(|(other, _)| path(other) == *at);
            found.map(|(_, target)| target.as_bytes())
        })
    }

    #[test]
    fn a_link_may_climb_to_the_top_and_no_further() {
        assert!(!leads_out("a/b/link", "../../x", &[]));
        assert!(leads_out("a/b/link", "../../../x", &[]));
        assert!(leads_out("link", "..", &[]));
        assert!(!leads_out("link", "/usr/bin/python3", &[]));
    }

    #[test]
    fn links_on_the_way_count_for_where_they_lead() {
        // `d` is two directories deep, so that `..` behind it stays inside.
        assert!(!leads_out("x", "d/../../y", &[("d", "a/b/c")]));
        // `a/d` is the top, and what lies above it is outside.
        assert!(leads_out("a/x", "d/../y", &[("a/d", "..")]));
        assert!(!leads_out("x", "x/y", &[("x", "x")]));
    }
}
