//! The list of Graphviz's plugins that `dot -c` makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mikron_package::RootPath;

use super::pointers::Pointers;
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;

/// `api_t` of gvplugin.h, in its order.
const KINDS: [&str; 5] = ["render", "layout", "textlayout", "device", "loadimage"];
/// More entries than this has no table.
const MAX_ENTRIES: u64 = 512;

/// What one plugin says of itself: its file, its name, and groups of types with qualities.
struct Plugin {
    file: String,
    name: String,
    groups: Vec<(&'static str, Vec<(String, i32)>)>,
}

/// Writes `graphviz/configNUMBER` beside libgvc where the image has plugins of Graphviz and nobody brought that file: without it,
/// `dot` knows no layout and no format.
///
/// Every plugin describes itself by a table (`gvplugin_NAME_LTX_library`; gvplugin.h): the name, and for each kind of thing that it
/// does the types with their qualities. What needs a renderer that no plugin in the image has is left out, as `dot -c` does. The name
/// of the file is a constant of the library.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("graphviz", run)
        .reads(&["scripts"])
        .provides(&["/usr/lib*/**/graphviz/config*"])
        .covers(&["-config-update"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let named = |start: &[u8]| -> Vec<RootPath> {
        let paths = work.tree.nodes().map(|node| &node.entry.path);
        let paths = paths.filter(|path| {
            let name = path.file_name().unwrap_or_default();
            name.starts_with(start) && versioned(name)
        });
        paths.cloned().collect()
    };
    let (libraries, plugins) = (named(b"libgvc.so."), named(b"libgvplugin_"));
    for library in libraries {
        let (Some(dir), Some(text)) = (library.parent(), work.read(&library)?) else {
            continue;
        };
        let dir = dir.join(b"graphviz")?;
        let Some(name) = config_name(&text) else {
            continue;
        };
        let at = dir.join(&name)?;
        if work.tree.lookup(&at).is_some() {
            continue;
        }
        let mut described = Vec::new();
        let own = plugins
            .iter()
            .filter(|path| path.parent().as_ref() == Some(&dir));
        for path in own {
            let bytes = work.read(path)?.unwrap_or_default();
            let file = String::from_utf8_lossy(path.file_name().unwrap_or_default());
            described.extend(describe(&file, &bytes));
        }
        if !described.is_empty() {
            work.write(at, write(&described).into_bytes(), 0o644)?;
        }
    }
    Ok(())
}

/// Whether a library's name ends in `.so.NUMBER`: what is loaded, and neither the link for linkers nor the file with the full version.
fn versioned(name: &[u8]) -> bool {
    let mut parts = name.rsplitn(3, |byte| *byte == b'.');
    let number = parts.next().unwrap_or_default();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit) && parts.next() == Some(b"so")
}

/// The name of the file among the library's constants: `config6a`, `config8`. A text so short may stand in the code itself, with
/// instructions behind it.
fn config_name(library: &[u8]) -> Option<Vec<u8>> {
    let start = b"config";
    let mut found = library
        .windows(start.len())
        .enumerate()
        .filter(|(_, part)| part == start);
    found.find_map(|(at, _)| {
        let rest = library.get(at + start.len()..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let letter = usize::from(rest.get(digits) == Some(&b'a'));
        let name = &library[at..at + start.len() + digits + letter];
        (1..3).contains(&digits).then(|| name.to_vec())
    })
}

/// Reads the table of a plugin. `None` where it has none.
fn describe(file: &str, bytes: &[u8]) -> Option<Plugin> {
    let plugin = Pointers::read(bytes)?;
    let table =
        plugin.symbol(|name| name.starts_with("gvplugin_") && name.ends_with("_LTX_library"))?;
    let name = plugin.text(plugin.pointer(table)?)?;
    // gvplugin_api_t: a kind and the address of its types, until that is none.
    let mut apis = plugin.pointer(table.wrapping_add(8))?;
    let mut groups = Vec::new();
    let mut entries = 0;
    while let Some(mut types) = plugin.pointer(apis.wrapping_add(8)) {
        let kind = usize::try_from(plugin.number(apis)?).ok();
        let kind = kind.and_then(|kind| KINDS.get(kind))?;
        let mut group = Vec::new();
        // gvplugin_installed_t: number, name, quality, engine, features; until there is no name.
        while let Some(name) = plugin.pointer(types.wrapping_add(8)) {
            entries += 1;
            if entries > MAX_ENTRIES {
                return None;
            }
            group.push((plugin.text(name)?, plugin.number(types.wrapping_add(16))?));
            types = types.wrapping_add(40);
        }
        groups.push((*kind, group));
        entries += 1;
        if entries > MAX_ENTRIES {
            return None;
        }
        apis = apis.wrapping_add(16);
    }
    Some(Plugin {
        file: file.to_owned(),
        name,
        groups,
    })
}

/// The file in the form that libgvc reads: braces and words.
fn write(plugins: &[Plugin]) -> String {
    let mut renderers: BTreeSet<&str> = BTreeSet::new();
    for (kind, group) in plugins.iter().flat_map(|plugin| &plugin.groups) {
        if *kind == "render" {
            renderers.extend(group.iter().filter_map(|(name, _)| name.split(':').next()));
        }
    }
    let mut text =
        String::from("# The plugins of Graphviz in this image, as they describe themselves.\n\n");
    let by_file: BTreeMap<&str, &Plugin> =
        plugins.iter().map(|one| (one.file.as_str(), one)).collect();
    for plugin in by_file.values() {
        let _ = writeln!(text, "{} {} {{", plugin.file, plugin.name);
        for (kind, group) in &plugin.groups {
            let _ = writeln!(text, "\t{kind} {{");
            for (name, quality) in group {
                let needs = name.split_once(':').map(|(_, renderer)| renderer);
                let rendered = matches!(*kind, "device" | "loadimage");
                if !rendered || needs.is_none_or(|renderer| renderers.contains(renderer)) {
                    let _ = writeln!(text, "\t\t{name} {quality}");
                }
            }
            text.push_str("\t}\n");
        }
        text.push_str("}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_by_the_library() {
        assert_eq!(
            config_name(b"x\0config6a\0config\0"),
            Some(b"config6a".to_vec())
        );
        assert_eq!(
            config_name(b"x\0configure6\0config8\0"),
            Some(b"config8".to_vec())
        );
        assert_eq!(config_name(b"config: error\0config\0configa\0"), None);
    }

    #[test]
    fn only_the_name_that_is_loaded_counts() {
        for (name, is) in [
            ("libgvplugin_gd.so.6", true),
            ("libgvplugin_gd.so", false),
            ("libgvplugin_gd.so.6.0.0", false),
            ("libgvplugin_gd.so.", false),
        ] {
            assert_eq!(versioned(name.as_bytes()), is, "{name}");
        }
    }

    #[test]
    fn what_no_renderer_in_the_image_draws_is_left_out() {
        let plugin = Plugin {
            file: "libgvplugin_a.so.6".into(),
            name: "a".into(),
            groups: vec![
                ("render", vec![("cairo".into(), 10)]),
                (
                    "device",
                    vec![("png:cairo".into(), 10), ("png:lasi".into(), -1)],
                ),
            ],
        };
        let text = write(&[plugin]);
        let expected = "libgvplugin_a.so.6 a {\n\trender {\n\t\tcairo 10\n\t}\n\tdevice {\n\t\tpng:cairo 10\n\t}\n}\n";
        assert!(text.ends_with(expected), "{text}");
    }
}
