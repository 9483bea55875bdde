//! One page: a file of Markdown, taken apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A file of Markdown.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Where it lies, from the root of the repository.
    pub path: String,
    /// Blocks of code, in order.
    pub blocks: Vec<Block>,
    /// What the page takes to be there.
    pub given: Vec<(String, Given)>,
    /// Links and pictures.
    pub links: Vec<Link>,
    /// Headings as they are written, without marks.
    pub headings: Vec<String>,
    /// What links can lead to behind `#`: headings, as GitHub and mdBook name them.
    pub anchors: BTreeSet<String>,
    /// Code in running text, each with its line.
    pub spans: Vec<(usize, String)>,
}

/// A block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The line of the page on which its text begins.
    pub line: usize,
    /// The first word behind the fence; empty for an indented block.
    pub language: String,
    /// Its text.
    pub text: String,
    /// The file that a reader writes it into.
    pub file: Option<String>,
}

/// What a page takes to be there, as the comment says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A file or directory of the repository: `docs/examples/nginx.yaml`.
    File(String),
    /// `program`: a program that a compiler has made, linked with the C library.
    Program,
    /// `package NAME`: its archive.
    Package(String),
    /// `text TEXT`: a file with this line.
    Text(String),
    /// `rpm` or `apk`: a signed repository of that family, with its key beside it.
    Repository(String),
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The line of the page.
    pub line: usize,
    /// Where it leads, as written.
    pub target: String,
}

/// All pages of the repository at `root` that people read: its own, and those below `docs`.
///
/// # Panics
/// When one cannot be read, or holds a comment that is none of those above but looks like one.
pub fn pages(root: &Path) -> Vec<Page> {
    let mut files = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    let mut directories = vec![root.join("docs")];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).expect("a directory of documents");
        for path in entries.map(|entry| entry.expect("a readable directory").path()) {
            match path.extension() {
                _ if path.is_dir() => directories.push(path),
                Some(end) if end == "md" => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    let page = |file: &PathBuf| {
        let name = file.strip_prefix(root).expect("it lies there");
        let text = fs::read_to_string(file).expect("a text");
        Page::parse(&name.display().to_string(), &text)
    };
    files.iter().map(page).collect()
}

impl Page {
    /// Takes a page apart.
    ///
    /// # Panics
    /// When a comment begins with `file` or `given` and does not go on as it has to.
    pub fn parse(path: &str, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
        let mut file = None;
        let mut block: Option<Block> = None;
        let mut heading: Option<String> = None;
        let mut anchors = BTreeMap::<String, usize>::new();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = line_of(range.start);
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    page.take_comment(line, html.trim(), &mut file);
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let (language, line) = match kind {
                        CodeBlockKind::Indented => (String::new(), line),
                        CodeBlockKind::Fenced(info) => {
                            let first = info.split([' ', ',']).next();
                            (first.unwrap_or("text").to_owned(), line + 1)
                        }
                    };
                    block = Some(Block {
                        line,
                        language,
                        text: String::new(),
                        file: file.take(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let heading = heading.take().unwrap_or_default();
                    let slug = slug(&heading);
                    let seen = anchors.entry(slug.clone()).or_default();
                    page.anchors.insert(match *seen {
                        0 => slug,
                        n => format!("{slug}-{n}"),
                    });
                    *seen += 1;
                    page.headings.push(heading);
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link {
                        line,
                        target: dest_url.to_string(),
                    });
                }
                Event::Text(part) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&part);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.spans.push((line, code.to_string()));
                }
                _ => {}
            }
        }
        page
    }

    fn take_comment(&mut self, line: usize, html: &str, file: &mut Option<String>) {
        let comment = html
            .strip_prefix("<!--")
            .and_then(|rest| rest.strip_suffix("-->"));
        let Some((word, rest)) = comment.and_then(|text| text.trim().split_once(' ')) else {
            return;
        };
        match word {
            "file" => *file = Some(rest.to_owned()),
            "given" => {
                let given = rest.split_once(": ").map(|(name, what)| {
                    let given = match what.split_once(' ') {
                        Some(("package", name)) => Given::Package(name.to_owned()),
                        Some(("text", text)) => Given::Text(text.to_owned()),
                        _ if what == "program" => Given::Program,
                        _ if what == "rpm" || what == "apk" => Given::Repository(what.to_owned()),
                        _ => Given::File(what.to_owned()),
                    };
                    (name.to_owned(), given)
                });
                let given = given.unwrap_or_else(|| panic!("{}:{line}: {html}", self.path));
                self.given.push(given);
            }
            _ => {}
        }
    }

    /// Every text that makes the page differ from others for a search: the path with a line.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// A heading as it stands behind `#`.
fn slug(heading: &str) -> String {
    let lower = heading.trim().to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart() {
        let text = "# One `two`, three\n\n<!-- given a.yaml: docs/a.yaml -->\nWrite:\n\n<!-- file b.yaml -->\n```yaml\na: 1\n```\n\n    \
                    mikron build b.yaml\n\nSee [it](x.md#y) and `mikron lock`.\n\n# One two three\n";
        let page = Page::parse("p.md", text);
        let block = |line, language: &str, text: &str, file: Option<&str>| Block {
            line,
            language: language.to_owned(),
            text: text.to_owned(),
            file: file.map(str::to_owned),
        };
        let blocks = [
            block(8, "yaml", "a: 1\n", Some("b.yaml")),
            block(11, "", "mikron build b.yaml\n", None),
        ];
        assert_eq!(page.blocks, blocks);
        assert_eq!(
            page.given,
            [("a.yaml".to_owned(), Given::File("docs/a.yaml".to_owned()))]
        );
        assert_eq!(page.links[0].target, "x.md#y");
        let anchors: Vec<&str> = page.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["one-two-three", "one-two-three-1"]);
        assert_eq!(page.spans[1], (13, "mikron lock".to_owned()));
    }
}
