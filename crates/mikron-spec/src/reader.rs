//! From a spec and what it extends to one spec, and one for each of its variants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_package::Limits;
use mikron_yaml::{Node, Place, Shape, Span, YamlErrorKind};

use crate::builtin;
use crate::error::{Document, SpecError, SpecErrorKind};
use crate::family::SourceForm;
use crate::merge::{self, COMPOSING, KEYS, OF_THE_WHOLE};
use crate::origin::{SpecText, Written};
use crate::params::{Fault, Params};
use crate::spec::{SchemaVersion, Spec};
use crate::text::shown;
use crate::{check, yaml};

/// Longest chain of specs that extend each other, or of variants.
const DEPTH: usize = 16;

/// Most files that a spec is put together out of.
const FILES: usize = 64;

/// Gives the specs that others extend.
pub trait Bases {
    /// The spec at a path that is relative to the directory of the spec that is read.
    ///
    /// # Errors
    /// Why it cannot be had, as a sentence without a full stop.
    fn base(&self, path: &str) -> Result<Base, String>;
}

/// Nothing can be extended but what comes with the product.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBases;

impl Bases for NoBases {
    fn base(&self, _: &str) -> Result<Base, String> {
        Err("a spec that lies in no directory extends nothing but `builtin/NAME`".to_owned())
    }
}

/// A spec as it was written.
#[derive(Clone, Debug)]
pub struct Base {
    /// What messages call it.
    pub name: String,
    /// The same for the same file, whatever path led there.
    pub identity: String,
    /// What it says.
    pub text: String,
}

/// Reads specs together with what they extend.
///
/// ```
/// use std::collections::BTreeMap;
/// use mikron_package::Limits;
/// use mikron_spec::{Base, Bases, Reader};
///
/// struct Shelf;
/// impl Bases for Shelf {
///     fn base(&self, path: &str) -> Result<Base, String> {
///         let text = "mikron: 1\nsources: { debian: { deb: bookworm } }\nrun-as: nonroot\n".to_owned();
///         Ok(Base { name: path.to_owned(), identity: path.to_owned(), text })
///     }
/// }
/// let text = "mikron: 1\nname: web\nextends: [base.yaml]\npackages: [nginx]\nvariants:\n  root: { run-as: ~ }\n".to_owned();
/// let spec = Base { name: "web.yaml".to_owned(), identity: "web.yaml".to_owned(), text };
/// let (limits, params) = (Limits::default(), BTreeMap::new());
/// let reader = Reader { forms: &[], limits: &limits, bases: &Shelf, params: &params, of_another: false };
/// let specs = reader.read(spec)?;
/// assert!(specs.plain.spec.run_as.is_some());
/// assert_eq!(specs.variants[0].0, "root");
/// assert!(specs.variants[0].1.spec.run_as.is_none());
/// # Ok::<(), mikron_spec::SpecError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The sources of further families that specs may have.
    pub forms: &'a [&'a SourceForm],
    /// How large a spec may be.
    pub limits: &'a Limits,
    /// Where specs that are extended come from.
    pub bases: &'a dyn Bases,
    /// Values of parameters that win over all defaults.
    pub params: &'a BTreeMap<String, String>,
    /// Whether they were meant for another spec first, and this one need not use them.
    pub of_another: bool,
}

/// What a spec describes: an image, and its variants in the order in which they stand there.
#[derive(Clone, Debug)]
pub struct Specs {
    /// The image without a variant.
    pub plain: Draft,
    /// The variants by name.
    pub variants: Vec<(String, Draft)>,
}

/// One image's spec, and what it was read from.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The spec.
    pub spec: Spec,
    /// What it was read from.
    pub text: SpecText,
}

impl Reader<'_> {
    /// Reads a spec.
    ///
    /// # Errors
    /// When it, one that it extends, or a variant is no spec, refers to nothing or to itself, or leaves a parameter without a value.
    /// The error stands at its place in the file at fault.
    pub fn read(&self, spec: Base) -> Result<Specs, SpecError> {
        let plain = Written {
            name: spec.name.clone(),
            text: spec.text.clone(),
        };
        let mut chain = Chain::default();
        let root = chain.take(self, spec)?;
        let composes = |key: &str| chain.trees[root].get(key).is_some();
        if self.params.is_empty() && !COMPOSING.iter().any(|key| composes(key)) {
            let text = SpecText::new(&plain.name, &plain.text);
            return Ok(Specs {
                plain: self.draft(text)?,
                variants: Vec::new(),
            });
        }
        let first = Member {
            file: root,
            directory: String::new(),
        };
        chain.visit(self, first)?;
        let params = chain.params(self)?;
        self.compose(chain, params)
    }

    /// Puts the members of a chain together, and the variants on top of what comes of that.
    fn compose(&self, mut chain: Chain, mut params: Params) -> Result<Specs, SpecError> {
        let files = Arc::new(std::mem::take(&mut chain.files));
        let fail = |(place, fault)| error(&files, place, fault);
        let mut whole = None;
        for Member { file, directory } in &chain.order {
            let mut tree = chain.trees[*file].clone();
            let declares = tree.get("params").is_some();
            let _ = take(&mut tree, "params");
            let _ = take(&mut tree, "extends");
            if declares {
                params.put_in(&mut tree).map_err(fail)?;
            }
            merge::move_paths(&mut tree, directory);
            whole = merge::specs(whole, tree);
        }
        let is_unused = |name: &&String| !self.of_another && !params.is_used(name);
        if let Some(name) = self.params.keys().find(is_unused) {
            let kind =
                SpecErrorKind::Invalid(format!("nothing uses the parameter `{}`", shown(name)));
            let help = format!(
                "leave `--param {}=…` out, or write `${{{0}}}` where it belongs",
                shown(name)
            );
            return Err(of_file(&files, kind, Some(help)));
        }
        let Some(mut whole) = whole else {
            let kind = YamlErrorKind::MissingKey {
                key: "mikron".to_owned(),
            };
            return Err(of_file(&files, kind.into(), None));
        };
        let variants = take(&mut whole, "variants");
        let variants = Variants::of(variants, &files)?;
        let plain = self.draft(SpecText::of(&whole, &files))?;
        let mut drafts = Vec::new();
        for (name, ..) in &variants.pairs {
            let mut tree = Some(whole.clone());
            let mut order = Vec::new();
            variants.visit(name, &mut Vec::new(), &mut order)?;
            for part in order {
                let mut part = part.clone();
                let _ = take(&mut part, "extends");
                tree = merge::specs(tree, part);
            }
            let text = SpecText::of(&tree.unwrap_or_else(|| whole.clone()), &files);
            drafts.push((name.clone(), self.draft(text)?));
        }
        Ok(Specs {
            plain,
            variants: drafts,
        })
    }

    /// Reads a document that extends nothing any more into its types.
    fn draft(&self, text: SpecText) -> Result<Draft, SpecError> {
        let document = text.document();
        let mut spec: Spec = yaml::read(&document)?;
        crate::family::settle(&mut spec.sources, self.forms, &document, &["sources"])?;
        spec.take_slices();
        spec.validate_in(&document)?;
        Ok(Draft { spec, text })
    }
}

/// The files that a spec is put together out of.
#[derive(Default)]
struct Chain {
    files: Vec<Written>,
    trees: Vec<Node>,
    /// Who was met already.
    seen: BTreeSet<String>,
    /// Whose bases are being looked at, from the spec on.
    open: Vec<(String, usize)>,
    /// All members, those that are extended before those that extend them.
    order: Vec<Member>,
}

/// A file, and the directory that its paths are relative to, itself relative to that of the spec.
struct Member {
    file: usize,
    directory: String,
}

impl Chain {
    /// Reads the shape of a file.
    fn take(&mut self, reader: &Reader<'_>, base: Base) -> Result<usize, SpecError> {
        let document = Document::new(&base.name, &base.text);
        let file = self.files.len();
        yaml::check_size(&document, "spec", reader.limits.spec)?;
        let tree = yaml::tree(&document, file)?;
        check::schema_version(&document, &tree, "mikron", SchemaVersion::CURRENT)?;
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        keys(&document, &tree, &known)?;
        if let Some(Shape::Map(pairs)) = tree.get("variants").map(|node| &node.shape) {
            let known: Vec<&str> = known
                .into_iter()
                .filter(|key| !OF_THE_WHOLE.contains(key))
                .collect();
            for (.., variant) in pairs {
                keys(&document, variant, &known)?;
            }
        }
        self.seen.insert(base.identity.clone());
        self.open.push((base.identity, file));
        self.files.push(Written {
            name: base.name,
            text: base.text,
        });
        self.trees.push(tree);
        Ok(file)
    }

    /// Goes through what a file extends, and then takes the file itself.
    fn visit(&mut self, reader: &Reader<'_>, member: Member) -> Result<(), SpecError> {
        let fail = |chain: &Self, node: &Node, message: String, help: &str| {
            let help = Some(help.to_owned()).filter(|help| !help.is_empty());
            error(
                &chain.files,
                node.place(),
                (SpecErrorKind::Invalid(message), help),
            )
        };
        let extends = self.trees[member.file].get("extends").cloned();
        for node in names(&self.files, extends.as_ref())? {
            let named = node.scalar().unwrap_or_default();
            let (path, base) = if let Some(name) = named.strip_prefix(builtin::PREFIX) {
                (named.to_owned(), builtin_base(name))
            } else {
                let path = merge::beside(&member.directory, named);
                let failed = |reason| format!("cannot extend `{}`: {reason}", shown(named));
                let base = reader.bases.base(&path);
                (path, base.map_err(|reason| (failed(reason), String::new())))
            };
            let base = base.map_err(|(message, help)| fail(self, &node, message, &help))?;
            if let Some(at) = self
                .open
                .iter()
                .position(|(identity, _)| *identity == base.identity)
            {
                let mut circle: Vec<&str> = self.open[at..]
                    .iter()
                    .map(|(_, file)| &*self.files[*file].name)
                    .collect();
                circle.push(circle[0]);
                let message = format!("a spec cannot extend itself: {}", circle.join(" → "));
                return Err(fail(self, &node, message, "take one of these out"));
            }
            if self.seen.contains(&base.identity) {
                continue;
            }
            if self.open.len() >= DEPTH {
                let chain: Vec<&str> = self
                    .open
                    .iter()
                    .map(|(_, file)| &*self.files[*file].name)
                    .collect();
                let message = format!(
                    "more than {DEPTH} specs extend each other: {}",
                    chain.join(" → ")
                );
                return Err(fail(self, &node, message, ""));
            }
            if self.files.len() >= FILES {
                return Err(fail(
                    self,
                    &node,
                    format!("a spec is put together out of at most {FILES} files"),
                    "",
                ));
            }
            // Builtins name no files.
            let directory = merge::directory(&path).to_owned();
            let file = self.take(reader, base)?;
            self.visit(reader, Member { file, directory })?;
        }
        self.open.pop();
        self.order.push(member);
        Ok(())
    }

    /// The parameters of all members, with what was given from outside.
    fn params(&self, reader: &Reader<'_>) -> Result<Params, SpecError> {
        let mut params = Params::default();
        for member in &self.order {
            if let Some(node) = self.trees[member.file].get("params") {
                params
                    .declare(node)
                    .map_err(|(place, fault)| error(&self.files, place, fault))?;
            }
        }
        for (name, value) in reader.params {
            if reader.of_another && !params.declares(name) {
                continue;
            }
            params
                .give(name, value)
                .map_err(|(kind, help)| of_file(&self.files, kind, help))?;
        }
        Ok(params)
    }
}

/// The variants of a spec.
struct Variants<'f> {
    pairs: Vec<(String, Span, Node)>,
    files: &'f [Written],
}

impl<'f> Variants<'f> {
    fn of(node: Option<Node>, files: &'f [Written]) -> Result<Self, SpecError> {
        let pairs = match node {
            None => Vec::new(),
            Some(Node {
                shape: Shape::Map(pairs),
                ..
            }) => pairs,
            Some(node) => {
                return Err(error(
                    files,
                    node.place(),
                    not_a_mapping("a mapping of variants"),
                ));
            }
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        for (name, _, node) in &pairs {
            // They are tags of the image (OCI distribution, 3).
            let is_tag = name.starts_with(plain)
                && name.len() <= 64
                && name.chars().all(|c| plain(c) || "._-".contains(c));
            if !is_tag || name == "latest" {
                let message = format!("`{}` cannot be the name of a variant", shown(name));
                let help = "use lower-case letters and digits, with `.`, `_` or `-` between them; `latest` is the image without a variant";
                return Err(error(
                    files,
                    node.place(),
                    (SpecErrorKind::Invalid(message), Some(help.to_owned())),
                ));
            }
            if !matches!(node.shape, Shape::Map(_)) {
                return Err(error(files, node.place(), not_a_mapping("a spec in part")));
            }
        }
        Ok(Self { pairs, files })
    }

    /// The parts of a variant, in the order in which they are put on the spec.
    fn visit<'v>(
        &'v self,
        name: &str,
        open: &mut Vec<String>,
        order: &mut Vec<&'v Node>,
    ) -> Result<(), SpecError> {
        let Some((.., node)) = self.pairs.iter().find(|(known, ..)| known == name) else {
            return Ok(());
        };
        if order.iter().any(|known| std::ptr::eq(*known, node)) {
            return Ok(());
        }
        open.push(name.to_owned());
        for item in names(self.files, node.get("extends"))? {
            let base = item.scalar().unwrap_or_default();
            let known = || self.pairs.iter().map(|(name, ..)| name.as_str());
            if !known().any(|name| name == base) {
                let kind = SpecErrorKind::Dangling {
                    what: "variant",
                    name: shown(base),
                    known: known().map(str::to_owned).collect(),
                };
                let help = match mikron_yaml::nearest(base, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "known are {}; files are extended by the spec itself",
                        mikron_yaml::list(known())
                    ),
                };
                return Err(error(self.files, item.place(), (kind, Some(help))));
            }
            if let Some(at) = open.iter().position(|name| name == base) {
                let circle = [&open[at..], &[base.to_owned()]].concat().join(" → ");
                let kind =
                    SpecErrorKind::Invalid(format!("a variant cannot extend itself: {circle}"));
                return Err(error(
                    self.files,
                    item.place(),
                    (kind, Some("take one of these out".to_owned())),
                ));
            }
            if open.len() >= DEPTH {
                let kind = SpecErrorKind::Invalid(format!(
                    "more than {DEPTH} variants extend each other: {}",
                    open.join(" → ")
                ));
                return Err(error(self.files, item.place(), (kind, None)));
            }
            self.visit(base, open, order)?;
        }
        open.pop();
        order.push(node);
        Ok(())
    }
}

fn builtin_base(name: &str) -> Result<Base, (String, String)> {
    let whole = format!("{}{name}", builtin::PREFIX);
    match builtin::builtin(name) {
        Some(text) => Ok(Base {
            name: whole.clone(),
            identity: whole,
            text: text.to_owned(),
        }),
        None => Err((
            format!("there is no `{}`", shown(&whole)),
            match mikron_yaml::nearest(name, builtin::builtins()) {
                Some(near) => format!("did you mean `{}{near}`?", builtin::PREFIX),
                None => format!("known are {}", mikron_yaml::list(builtin::builtins())),
            },
        )),
    }
}

/// Refuses keys that a spec, or a part of one, has not.
fn keys(document: &Document<'_>, tree: &Node, known: &[&str]) -> Result<(), SpecError> {
    let Shape::Map(pairs) = &tree.shape else {
        return Ok(());
    };
    for (key, span, _) in pairs {
        if !known.contains(&key.as_str()) {
            let (kind, help) = YamlErrorKind::unknown_key(key, known);
            return Err(document.error(Some(*span), kind.into(), help));
        }
    }
    Ok(())
}

/// The items of a list of names.
fn names(files: &[Written], node: Option<&Node>) -> Result<Vec<Node>, SpecError> {
    let wrong = |node: &Node, expected: &str, help: &str| {
        let expected = expected.to_owned();
        let kind = YamlErrorKind::WrongType {
            expected,
            found: None,
        };
        Err(error(
            files,
            node.place(),
            (kind.into(), Some(help.to_owned())),
        ))
    };
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return Ok(Vec::new());
    };
    let Shape::List(items) = &node.shape else {
        return wrong(node, "a list", "write `extends: […]`");
    };
    for item in items {
        if item.is_null() || item.scalar().is_none_or(str::is_empty) {
            return wrong(
                item,
                "a name",
                "write `builtin/NAME`, or the path of a file relative to this one",
            );
        }
    }
    Ok(items.clone())
}

fn not_a_mapping(expected: &str) -> Fault {
    let expected = expected.to_owned();
    let kind = YamlErrorKind::WrongType {
        expected,
        found: None,
    };
    (kind.into(), Some("write `NAME: { key: value }`".to_owned()))
}

/// Takes a key out of a mapping.
fn take(node: &mut Node, key: &str) -> Option<Node> {
    let Shape::Map(pairs) = &mut node.shape else {
        return None;
    };
    let at = pairs.iter().position(|(name, ..)| name == key)?;
    Some(pairs.remove(at).2)
}

/// An error at a place, in the file that it lies in.
fn error(files: &[Written], place: Place, (kind, help): Fault) -> SpecError {
    match files.get(place.file) {
        Some(file) => Document::new(&file.name, &file.text).error(Some(place.span), kind, help),
        None => of_file(files, kind, help),
    }
}

/// An error of a spec as a whole.
fn of_file(files: &[Written], kind: SpecErrorKind, help: Option<String>) -> SpecError {
    let name = files.first().map_or("", |file| &*file.name);
    Document::new(name, "").error_of_file(kind, help)
}
