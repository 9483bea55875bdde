//! The database of media types that update-mime-database(1) makes.

use std::collections::BTreeSet;

use mikron_package::RootPath;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::error::{FinalizerFault, RootfsError};
use crate::finalize::Work;
use crate::finalizer::Finalizer;

/// How deep a match may stand in others.
const MAX_DEPTH: usize = 32;

/// Writes /usr/share/mime/{globs2,magic,aliases,subclasses} from the descriptions in /usr/share/mime/packages (the Shared MIME-info
/// Database specification), where nobody brought a database: without it GIO takes every file for application/octet-stream, and
/// gdk-pixbuf knows no picture.
///
/// The compiled form of the same (`mime.cache`) saves time, and readers do without.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("mime", run)
        .reads(&["scripts"])
        .provides(&[
            "/usr/share/mime/globs2",
            "/usr/share/mime/magic",
            "/usr/share/mime/aliases",
            "/usr/share/mime/subclasses",
        ])
        .covers(&["update-mime-database"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut paths = work.sources_below(&RootPath::new(b"usr/share/mime/packages")?);
    paths.retain(|path| path.as_bytes().ends_with(b".xml"));
    let there = ["/usr/share/mime/globs2", "/usr/share/mime/mime.cache"];
    if paths.is_empty() || there.into_iter().any(|path| work.has(path)) {
        return Ok(());
    }
    let mut database = Database::default();
    for path in &paths {
        let text = work.read_source(path)?.unwrap_or_default();
        let added = database.add(&text);
        added.map_err(|reason| {
            let path = path.clone();
            work.failed(FinalizerFault::Malformed { path, reason })
        })?;
    }
    let dir = RootPath::new(b"usr/share/mime")?;
    for (name, bytes) in database.files() {
        work.write(dir.join(name.as_bytes())?, bytes, 0o644)?;
    }
    Ok(())
}

/// What the descriptions say.
#[derive(Default)]
struct Database {
    /// Weight, type, pattern, and whether case counts.
    globs: Vec<(u32, String, String, bool)>,
    /// Priority, type, and the lines of a section.
    magic: Vec<(u32, String, Vec<u8>)>,
    aliases: BTreeSet<(String, String)>,
    subclasses: BTreeSet<(String, String)>,
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).ok()??.value;
    Some(quick_xml::escape::unescape(&value).ok()?.into_owned())
}

impl Database {
    /// Reads one description.
    fn add(&mut self, text: &[u8]) -> Result<(), String> {
        let mut reader = Reader::from_reader(text);
        let (mut kind, mut depth) = (String::new(), 0);
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let (element, open) = match &event {
                Event::Start(element) => (element, true),
                Event::Empty(element) => (element, false),
                Event::End(element) => {
                    depth -= usize::from(element.local_name().as_ref() == "match").min(depth);
                    continue;
                }
                Event::Eof => return Ok(()),
                _ => continue,
            };
            let number = |name: &str| attribute(element, name).and_then(|text| text.parse().ok());
            let of_type = attribute(element, "type");
            match (element.local_name().as_ref(), of_type) {
                ("mime-type", Some(name)) => kind = name,
                ("alias", Some(alias)) => {
                    self.aliases.insert((alias, kind.clone()));
                }
                ("sub-class-of", Some(parent)) => {
                    self.subclasses.insert((kind.clone(), parent));
                }
                ("glob", _) => {
                    if let Some(pattern) = attribute(element, "pattern") {
                        let case = attribute(element, "case-sensitive").as_deref() == Some("true");
                        // A pattern that leaves case open is written in lower case.
                        let pattern = if case {
                            pattern
                        } else {
                            pattern.to_lowercase()
                        };
                        self.globs.push((
                            number("weight").unwrap_or(50),
                            kind.clone(),
                            pattern,
                            case,
                        ));
                    }
                }
                ("magic", _) => {
                    self.magic
                        .push((number("priority").unwrap_or(50), kind.clone(), Vec::new()));
                }
                ("match", Some(form)) => {
                    let line = line(element, &form, depth);
                    if let (Some((.., lines)), Some(line)) = (self.magic.last_mut(), line) {
                        lines.extend(line);
                    }
                    depth += usize::from(open);
                    if depth > MAX_DEPTH {
                        return Err("its matches stand too deep in one another".to_owned());
                    }
                }
                _ => {}
            }
        }
    }

    /// The files, by name.
    fn files(mut self) -> [(&'static str, Vec<u8>); 4] {
        // What has more weight comes first; the same weight in order of type and pattern.
        self.globs
            .sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (&a.1, &a.2).cmp(&(&b.1, &b.2))));
        self.globs.dedup();
        let globs = self.globs.iter().map(|(weight, kind, pattern, case)| {
            let flags = if *case { ":cs" } else { "" };
            format!("{weight}:{kind}:{pattern}{flags}\n")
        });
        self.magic.retain(|(_, _, lines)| !lines.is_empty());
        self.magic
            .sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let mut magic = b"MIME-Magic\0\n".to_vec();
        for (priority, kind, lines) in &self.magic {
            magic.extend_from_slice(format!("[{priority}:{kind}]\n").as_bytes());
            magic.extend_from_slice(lines);
        }
        let pairs = |pairs: &BTreeSet<(String, String)>| -> Vec<u8> {
            let lines = pairs.iter().map(|(one, other)| format!("{one} {other}\n"));
            lines.collect::<String>().into_bytes()
        };
        [
            ("globs2", globs.collect::<String>().into_bytes()),
            ("magic", magic),
            ("aliases", pairs(&self.aliases)),
            ("subclasses", pairs(&self.subclasses)),
        ]
    }
}

/// A line of the file `magic`: `[INDENT]>OFFSET=LENGTH VALUE [&MASK] [~WORD] [+RANGE]`. `None` where the match is malformed.
fn line(element: &BytesStart<'_>, form: &str, depth: usize) -> Option<Vec<u8>> {
    let offset = attribute(element, "offset")?;
    let (start, end) = offset.split_once(':').unwrap_or((&offset, &offset));
    let (start, end): (u32, u32) = (start.parse().ok()?, end.parse().ok()?);
    let (value, mask) = (attribute(element, "value")?, attribute(element, "mask"));
    let (value, mask, word) = if form == "string" {
        let mask = mask
            .as_deref()
            .map(|mask| hexadecimal(mask.strip_prefix("0x")?));
        (string(value.as_bytes())?, mask, 1)
    } else {
        let (size, little) = match form {
            "byte" => (1, false),
            // `host…` is in the order of the machine, which the reader turns by the size of a word.
            "big16" | "host16" => (2, false),
            "big32" | "host32" => (4, false),
            "little16" => (2, true),
            "little32" => (4, true),
            _ => return None,
        };
        let bytes = |text: &str| -> Option<Vec<u8>> {
            let mut bytes = integer(text)?.to_be_bytes()[4 - size..].to_vec();
            if little {
                bytes.reverse();
            }
            Some(bytes)
        };
        let word = if form.starts_with("host") { size } else { 1 };
        (bytes(&value)?, mask.as_deref().map(bytes), word)
    };
    let mut line = Vec::new();
    if depth > 0 {
        line.extend_from_slice(depth.to_string().as_bytes());
    }
    line.extend_from_slice(format!(">{start}=").as_bytes());
    line.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
    line.extend_from_slice(&value);
    if let Some(mask) = mask {
        let mask = mask.filter(|mask| mask.len() == value.len())?;
        line.push(b'&');
        line.extend(mask);
    }
    if word > 1 {
        line.extend_from_slice(format!("~{word}").as_bytes());
    }
    if end > start {
        line.extend_from_slice(
            format!("+{}", end.saturating_sub(start).saturating_add(1)).as_bytes(),
        );
    }
    line.push(b'\n');
    Some(line)
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            u8::from_str_radix(
                std::str::from_utf8(pair)
                    .ok()
                    .filter(|pair| pair.len() == 2)?,
                16,
            )
            .ok()
        })
        .collect()
}

/// A number as C writes it: decimal, `0x`, or octal with a zero before it.
fn integer(text: &str) -> Option<u32> {
    match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// A string with the escapes of C: `\n`, `\r`, `\t`, `\b`, `\f`, `\v`, `\xHH`, `\OOO`, and anything else for itself.
fn string(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, tail) = rest.split_first()?;
        rest = tail;
        let digits = |radix: u32, most: usize, text: &[u8]| {
            let is = |byte: &&u8| (**byte as char).is_digit(radix);
            text.iter().take(most).take_while(is).count()
        };
        let (radix, text, count) = match escape {
            b'x' => (16, rest, digits(16, 2, rest)),
            b'0'..=b'7' => {
                let whole = &text[text.len() - rest.len() - 1..];
                (8, whole, digits(8, 3, whole))
            }
            other => {
                let plain = [
                    (b'n', b'\n'),
                    (b'r', b'\r'),
                    (b't', b'\t'),
                    (b'b', 8),
                    (b'f', 12),
                    (b'v', 11),
                ];
                let found = plain.iter().find(|(name, _)| name == other);
                bytes.push(found.map_or(*other, |(_, byte)| *byte));
                continue;
            }
        };
        let number = std::str::from_utf8(&text[..count]).ok()?;
        bytes.push(u32::from_str_radix(number, radix).ok()? as u8);
        rest = &text[count..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<(String, Vec<u8>)> {
        let mut database = Database::default();
        database.add(text.as_bytes()).expect("a description");
        database
            .files()
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .into()
    }

    #[test]
    fn a_description_becomes_what_readers_of_the_database_read() {
        let files = files(
            r#"<mime-info><mime-type type="image/x"><alias type="image/y"/><sub-class-of type="text/plain"/>
            <glob pattern="*.x"/><glob weight="60" pattern="X" case-sensitive="true"/>
            <magic priority="60"><match type="string" value="a\x00\101&lt;" mask="0xff00ff0F" offset="0:3">
            <match type="little16" value="0x1234" offset="8"/></match><match type="host32" value="017" offset="2"/></magic>
            </mime-type></mime-info>"#,
        );
        let of = |name: &str| {
            files
                .iter()
                .find(|(file, _)| file == name)
                .expect("it is made")
                .1
                .as_slice()
        };
        assert_eq!(of("globs2"), b"60:image/x:X:cs\n50:image/x:*.x\n");
        assert_eq!(of("aliases"), b"image/y image/x\n");
        assert_eq!(of("subclasses"), b"image/x text/plain\n");
        let expected: &[&[u8]] = &[
            b"MIME-Magic\0\n[60:image/x]\n",
            b">0=\x00\x04a\x00A<&\xFF\x00\xFF\x0F+4\n",
            b"1>8=\x00\x02\x34\x12\n",
            b">2=\x00\x04\x00\x00\x00\x0F~4\n",
        ];
        assert_eq!(of("magic"), expected.concat());
    }

    #[test]
    fn what_is_malformed_is_left_out_or_said() {
        let files = files(
            r#"<mime-info><mime-type type="a/b"><magic><match type="string" value="\x" offset="0"/>
            <match type="big16" value="x" offset="0"/><match type="string" value="a" mask="0x1" offset="0"/></magic>
            </mime-type></mime-info>"#,
        );
        assert_eq!(files[1].1, b"MIME-Magic\0\n");
        let deep = "<match type='byte' value='1' offset='0'>".repeat(100);
        let error = Database::default().add(format!("<a><magic>{deep}").as_bytes());
        assert!(error.is_err_and(|error| error.contains("too deep")));
        assert!(Database::default().add(b"<a></b>").is_err());
    }
}
