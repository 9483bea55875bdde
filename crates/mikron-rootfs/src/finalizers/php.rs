//! The links of phpenmod(8).

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::RootPath;
use mikron_shell::Call;

use super::options::Arguments;
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::runs::CallSite;
use crate::tree::Tree;

/// phpenmod(8): the priority of a file that states none.
const PRIORITY: &str = "20";

/// Makes /etc/php/VERSION/SAPI/conf.d/PRIORITY-NAME.ini → /etc/php/VERSION/mods-available/NAME.ini for the extensions that
/// maintainer scripts enable (phpenmod, and `php_invoke enmod` of php-maintscript-helper), in every server interface of the
/// image: each directory beside mods-available.
///
/// The priority is that of the `; priority=NN` line of the file, else 20, as phpenmod(8) has it. An extension whose library is not in
/// the image is not linked: PHP would warn at every start.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("php", run)
        .reads(&["scripts"])
        .provides(&["/etc/php/*/*/conf.d/*"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut wishes: BTreeMap<Wish, Vec<CallSite>> = BTreeMap::new();
    for (_, site, call) in work.calls() {
        if let Some(wish) = wish(call) {
            wishes.entry(wish).or_default().push(site);
        } else if all_of_one(call) {
            // `for mod in $(phpquery -M); do php_invoke enmod …`: what the packages of the extensions ask for as well.
            work.report.covered.insert(site);
        }
    }
    for (wish, sites) in wishes {
        let fault = enable(work, &wish)?;
        work.report.settle(sites, fault.as_deref());
    }
    Ok(())
}

/// An extension of one version of PHP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    version: String,
    /// The server interface; `ALL` for those that there are.
    sapi: String,
    name: String,
}

/// Makes the links of one extension; says why not where it cannot.
fn enable(work: &mut Work<'_>, wish: &Wish) -> Result<Option<String>, RootfsError> {
    let base = RootPath::new(format!("etc/php/{}", wish.version).as_bytes())?;
    let ini = base.join(b"mods-available")?;
    let ini = ini.join(format!("{}.ini", wish.name).as_bytes())?;
    let Some(text) = work.read(&ini)? else {
        return Ok(Some(format!("{ini} is not in the image")));
    };
    let text = String::from_utf8_lossy(&text);
    if let Some(library) = libraries(&text).find(|name| !has_library(work.tree, name)) {
        return Ok(Some(format!("{library} is not in the image")));
    }
    let priority = text
        .lines()
        .filter_map(|line| {
            line.trim_start_matches(';')
                .trim()
                .strip_prefix("priority=")
        })
        .map(str::trim)
        .find(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    let name = format!("{}-{}.ini", priority.unwrap_or(PRIORITY), wish.name);
    for sapi in interfaces(work.tree, &base) {
        if wish.sapi == "ALL" || wish.sapi.as_bytes() == sapi {
            let at = base.join(&sapi)?.join(b"conf.d")?.join(name.as_bytes())?;
            work.link(&at, [b"/", ini.as_bytes()].concat())?;
        }
    }
    Ok(None)
}

/// The names of the directories beside mods-available, in order.
fn interfaces(tree: &Tree, base: &RootPath) -> BTreeSet<Vec<u8>> {
    let own = tree.below(base).filter(|node| {
        node.entry.is_directory() && node.entry.path.parent().as_ref() == Some(base)
    });
    let names = own.filter_map(|node| node.entry.path.file_name().map(<[u8]>::to_vec));
    names.filter(|name| name != b"mods-available").collect()
}

/// The libraries that a file loads: `extension=mbstring.so`, `zend_extension=opcache`.
fn libraries(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let loads = matches!(key.trim(), "extension" | "zend_extension");
        let name = value.trim().trim_matches('"').rsplit('/').next()?;
        let name = name.strip_suffix(".so").unwrap_or(name);
        loads.then(|| format!("{name}.so"))
    })
}

/// Whether PHP's directory of extensions (/usr/lib/php/APIDATE) has a library.
fn has_library(tree: &Tree, name: &str) -> bool {
    RootPath::new(b"usr/lib/php").is_ok_and(|dir| {
        tree.below(&dir)
            .any(|node| node.entry.path.file_name() == Some(name.as_bytes()))
    })
}

/// What `php_invoke enmod VERSION SAPI NAME` and `phpenmod [-v VERSION] [-s SAPI] NAME` ask for.
fn wish(call: &Call) -> Option<Wish> {
    let arguments = Arguments::of(call, &["-v", "-s", "-m"]);
    let operands = arguments.literal_operands()?;
    let (version, sapi, name) = match (call.name(), operands.as_slice()) {
        ("php_invoke", ["enmod", version, sapi, name]) => (*version, *sapi, *name),
        ("phpenmod", [name]) => (
            arguments.value(&["-v"])?,
            arguments.value(&["-s"]).unwrap_or("ALL"),
            *name,
        ),
        _ => return None,
    };
    let plain = |word: &str| !word.is_empty() && !word.starts_with('.') && !word.contains('/');
    [version, sapi, name].into_iter().all(plain).then(|| Wish {
        version: version.to_owned(),
        sapi: sapi.to_owned(),
        name: name.to_owned(),
    })
}

/// Whether a call enables names that only the running script knows, in one server interface.
fn all_of_one(call: &Call) -> bool {
    let enables = call.arguments().first().is_some_and(|w| w.text == "enmod");
    call.name() == "php_invoke" && enables
}
