//! Languages: what of a package can be loaded by a name, and the program that loads it.

use std::collections::BTreeSet;

use super::Call;

/// At most so many items of a package are loaded.
const MOST: usize = 12;

/// A language whose packages are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are names of languages")]
pub enum Language {
    Python,
    Perl,
    Ruby,
    Node,
    R,
    Php,
    Lua,
    Guile,
    Tcl,
    Ocaml,
    Erlang,
}

impl Language {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 11] = [
        Self::Python,
        Self::Perl,
        Self::Ruby,
        Self::Node,
        Self::R,
        Self::Php,
        Self::Lua,
        Self::Guile,
        Self::Tcl,
        Self::Ocaml,
        Self::Erlang,
    ];

    /// The word for it in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Perl => "perl",
            Self::Ruby => "ruby",
            Self::Node => "node",
            Self::R => "r",
            Self::Php => "php",
            Self::Lua => "lua",
            Self::Guile => "guile",
            Self::Tcl => "tcl",
            Self::Ocaml => "ocaml",
            Self::Erlang => "erlang",
        }
    }

    /// Whether Debian calls packages of the language so.
    pub fn has_name(self, package: &str) -> bool {
        match self {
            Self::Python => package.starts_with("python3-"),
            Self::Perl => package.starts_with("lib") && package.ends_with("-perl"),
            Self::Ruby => package.starts_with("ruby-"),
            Self::Node => package.starts_with("node-"),
            Self::R => package.starts_with("r-cran-"),
            Self::Php => package.starts_with("php"),
            Self::Lua => package.starts_with("lua-"),
            Self::Guile => package.starts_with("guile-"),
            Self::Tcl => package.starts_with("tcl"),
            Self::Ocaml => package.starts_with("lib") && package.ends_with("-ocaml"),
            Self::Erlang => package.starts_with("erlang-"),
        }
    }

    /// The package with the interpreter, for those that do not depend on one.
    pub fn interpreter(self, paths: &[&str]) -> String {
        match self {
            Self::Python => "python3".into(),
            Self::Perl => "perl".into(),
            Self::Ruby => "ruby".into(),
            Self::Node => "nodejs".into(),
            Self::R => "r-base-core".into(),
            Self::Php => "php8.2-cli".into(),
            Self::Lua => format!("lua{}", lua_version(paths)),
            Self::Guile => "guile-3.0".into(),
            Self::Tcl => "tcl8.6".into(),
            Self::Ocaml => "ocaml-interp".into(),
            Self::Erlang => "erlang-base".into(),
        }
    }

    /// What a program of the language can load of these files by name, the main things first.
    pub fn items(self, package: &str, paths: &[&str]) -> Vec<String> {
        let found: BTreeSet<String> = match self {
            Self::Python => python(paths),
            Self::Perl => perl(package, paths),
            Self::Ruby => named(paths, ruby),
            Self::Node => named(paths, node),
            Self::R => named(paths, |path| {
                let rest = path.strip_prefix("/usr/lib/R/site-library/")?;
                rest.strip_suffix("/DESCRIPTION").map(str::to_owned)
            }),
            Self::Php => named(paths, php),
            Self::Lua => named(paths, |path| lua(path, lua_version(paths))),
            Self::Guile => named(paths, |path| {
                let rest = path.strip_prefix("/usr/share/guile/site/3.0/")?;
                Some(rest.strip_suffix(".scm")?.replace('/', " "))
            }),
            // The index names them: what counts here is that there is one.
            Self::Tcl => named(paths, |path| {
                path.ends_with("/pkgIndex.tcl").then(|| path.to_owned())
            }),
            Self::Ocaml => named(paths, |path| {
                let is_archive = path.strip_prefix("/usr/lib/ocaml/")?.strip_suffix(".cma");
                is_archive.map(|_| path.to_owned())
            }),
            Self::Erlang => named(paths, |path| {
                let (_, name) = path
                    .strip_prefix("/usr/lib/erlang/lib/")?
                    .rsplit_once("/ebin/")?;
                name.strip_suffix(".app").map(str::to_owned)
            }),
        };
        // They are put between quotes of eleven languages.
        let plain = |name: &String| {
            name.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b" _-./:@+".contains(&b))
        };
        let mut items: Vec<String> = found.into_iter().filter(plain).collect();
        // The shorter, the more it is the package's face.
        items.sort_by_key(|name| (name.matches(['/', '.', ':', ' ']).count(), name.len()));
        items.truncate(MOST);
        items
    }

    /// The call that loads items and says of each how it went, a line an item: `@ok NAME` or `@no NAME WHY`.
    pub(super) fn load(self, paths: &[&str], items: Vec<String>) -> Call {
        let quoted: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
        let list = quoted.join(", ");
        let mut stdin = String::new();
        let words: Vec<String> = match self {
            Self::Python => vec![
                "/usr/bin/python3".into(),
                "-c".into(),
                format!(
                    "import importlib, os, sys\nfor name in [{list}]:\n    try:\n        importlib.import_module(name)\n        \
                     sys.stdout.flush()\n        print('\\n@ok', name, flush=True)\n    except BaseException as error:\n        \
                     why = str(error).replace('\\n', ' ')\n        \
                     print('\\n@no', name, type(error).__name__, why, flush=True)\nsys.stderr.flush()\nos._exit(0)"
                ),
            ],
            Self::Perl => vec![
                "/usr/bin/perl".into(),
                "-e".into(),
                format!(
                    "$| = 1; my $n = 0; for my $name ({list}) {{ $n++; my $ok = eval \"package Probe$n; use $name; 1\"; \
                     my $why = $@; $why =~ s/\\n/ /g; print $ok ? \"\\n\\@ok $name\\n\" : \"\\n\\@no $name $why\\n\" }}"
                ),
            ],
            Self::Ruby => vec![
                "/usr/bin/ruby".into(),
                "-e".into(),
                format!(
                    "$stdout.sync = true\n[{list}].each do |name|\n  begin\n    require name\n    puts \"\\n@ok #{{name}}\"\n  \
                     rescue Exception => error\n    puts \"\\n@no #{{name}} #{{error.class}} #{{error.message.gsub(\"\\n\", ' ')}}\"\n  \
                     end\nend\nexit! 0"
                ),
            ],
            Self::Node => vec![
                "/usr/bin/node".into(),
                "-e".into(),
                format!(
                    "(async () => {{ for (const name of [{list}]) {{ try {{ try {{ require(name) }} catch (error) {{ \
                     if (error.code !== 'ERR_REQUIRE_ESM') throw error; await import('/usr/share/nodejs/' + name + '/' + \
                     (require('fs').readdirSync('/usr/share/nodejs/' + name).find(f => f === 'index.js') || 'index.mjs')) }} \
                     console.log('\\n@ok ' + name) }} catch (error) {{ \
                     console.log('\\n@no ' + name + ' ' + String(error.message || error).split('\\n').join(' ')) }} }} process.exit(0) }})()"
                ),
            ],
            Self::R => vec![
                "/usr/bin/Rscript".into(),
                "-e".into(),
                format!(
                    "for (name in c({list})) tryCatch({{ suppressPackageStartupMessages(library(name, character.only = TRUE)); \
                     cat('\\n@ok', name, '\\n') }}, error = function(e) cat('\\n@no', name, gsub('\\n', ' ', conditionMessage(e)), '\\n'))"
                ),
            ],
            Self::Php => vec![
                "/usr/bin/php".into(),
                "-r".into(),
                format!(
                    "foreach ([{list}] as $n) {{ try {{ $ok = $n[0] == '/' ? (require_once $n) !== false : \
                     (extension_loaded($n) || extension_loaded('Zend ' . $n)); echo $ok ? \"\\n@ok $n\\n\" : \"\\n@no $n not loaded\\n\"; }} \
                     catch (Throwable $e) {{ echo \"\\n@no $n \", str_replace(\"\\n\", ' ', $e->getMessage()), \"\\n\"; }} }}"
                ),
            ],
            Self::Lua => vec![
                format!("/usr/bin/lua{}", lua_version(paths)),
                "-e".into(),
                format!(
                    "for _, name in ipairs({{{list}}}) do local ok, why = pcall(require, name) \
                     print(ok and '\\n@ok ' .. name or '\\n@no ' .. name .. ' ' .. tostring(why):gsub('\\n', ' ')) end"
                ),
            ],
            Self::Guile => {
                let lists: Vec<String> = items.iter().map(|item| format!("({item})")).collect();
                let lists = lists.join(" ");
                vec![
                    "/usr/bin/guile".into(),
                    "--no-auto-compile".into(),
                    "-c".into(),
                    format!(
                        "(for-each (lambda (name) (catch #t (lambda () (resolve-interface name) (format #t \"~%@ok ~a~%\" \
                         (string-join (map symbol->string name)))) (lambda why (format #t \"~%@no ~a ~s~%\" \
                         (string-join (map symbol->string name)) why)))) '({lists}))"
                    ),
                ]
            }
            Self::Tcl => {
                stdin = format!(
                    "foreach name {{{}}} {{ if {{[catch {{package require $name}} why]}} {{ puts \"\\n@no $name $why\" }} \
                     else {{ puts \"\\n@ok $name\" }} }}\nexit 0\n",
                    items.join(" ")
                );
                vec!["/usr/bin/tclsh8.6".into()]
            }
            Self::Ocaml => {
                for item in &items {
                    let dir = item.rsplit_once('/').map_or("/", |(dir, _)| dir);
                    let load = format!(
                        "#directory \"{dir}\";;\n#load \"{item}\";;\nprint_string \"\\n@ok {item}\\n\";;\n"
                    );
                    stdin.push_str(&load);
                }
                vec!["/usr/bin/ocaml".into(), "-noprompt".into()]
            }
            Self::Erlang => vec![
                "/usr/bin/erl".into(),
                "-noinput".into(),
                "-eval".into(),
                format!(
                    "lists:foreach(fun(Name) -> case application:load(Name) of E when E =:= ok; element(1, element(2, E)) =:= already_loaded -> \
                     {{ok, Ms}} = application:get_key(Name, modules), case [M || M <- Ms, element(1, code:ensure_loaded(M)) =/= module] of \
                     [] -> io:format(\"~n@ok ~s~n\", [Name]); Bad -> io:format(\"~n@no ~s ~0p~n\", [Name, Bad]) end; \
                     {{error, Why}} -> io:format(\"~n@no ~s ~0p~n\", [Name, Why]) end end, [{list}]), halt(0)."
                ),
            ],
        };
        Call {
            words,
            stdin,
            items,
        }
    }
}

/// What a function makes of each path.
fn named(paths: &[&str], of: impl Fn(&str) -> Option<String>) -> BTreeSet<String> {
    paths.iter().filter_map(|path| of(path)).collect()
}

fn is_name(word: &str) -> bool {
    let starts = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Modules and packages that lie in no package of the same archive.
fn python(paths: &[&str]) -> BTreeSet<String> {
    let rests = paths.iter().filter_map(|path| {
        let rest = path.strip_prefix("/usr/lib/python3")?;
        // `dist-packages/…` of the distribution, or `.11/…` of the version's own library.
        let (dir, rest) = rest.trim_start_matches('/').split_once('/')?;
        let dir_is_library = dir == "dist-packages" || dir == ".11";
        (dir_is_library && !rest.starts_with("dist-packages/")).then_some(rest)
    });
    let mut packages = BTreeSet::new();
    let mut modules = BTreeSet::new();
    for rest in rests {
        if let Some(package) = rest.strip_suffix("/__init__.py") {
            packages.insert(package.to_owned());
        } else if !rest.contains('/') {
            let module = rest.strip_suffix(".py").or_else(|| {
                let (module, _) = rest.strip_suffix(".so")?.split_once('.')?;
                Some(module)
            });
            modules.extend(module.map(str::to_owned));
        }
    }
    let outer = packages.iter().filter(|package| {
        let mut above = package.match_indices('/').map(|(at, _)| &package[..at]);
        !above.any(|above| packages.contains(above))
    });
    let names = outer.chain(&modules);
    let names = names.filter(|name| name.split('/').all(is_name));
    names.map(|name| name.replace('/', ".")).collect()
}

/// The module that the package is called after; else those of the least depth.
fn perl(package: &str, paths: &[&str]) -> BTreeSet<String> {
    let modules = named(paths, |path| {
        let rest = path.strip_prefix("/usr/share/perl5/").or_else(|| {
            let rest = path.strip_prefix("/usr/lib/x86_64-linux-gnu/perl5/")?;
            rest.split_once('/').map(|(_, rest)| rest)
        })?;
        let module = rest.strip_suffix(".pm")?;
        module
            .split('/')
            .all(is_name)
            .then(|| module.replace('/', "::"))
    });
    let wanted = package.strip_prefix("lib").unwrap_or(package);
    let wanted = wanted.strip_suffix("-perl").unwrap_or(wanted);
    let called = |module: &&String| {
        module
            .to_ascii_lowercase()
            .replace("::", "")
            .replace('_', "")
            == wanted.replace('-', "")
    };
    if let Some(main) = modules.iter().find(called) {
        return BTreeSet::from([main.clone()]);
    }
    let depth = |module: &String| module.matches("::").count();
    let least = modules.iter().map(depth).min();
    let shallow = modules
        .iter()
        .filter(|module| Some(depth(module)) == least)
        .take(MOST);
    shallow.cloned().collect()
}

fn ruby(path: &str) -> Option<String> {
    let of_gem = || {
        let (_, rest) = path.split_once("/gems/")?;
        let (_, rest) = rest.split_once("/lib/")?;
        Some(rest)
    };
    let rest = path
        .strip_prefix("/usr/lib/ruby/vendor_ruby/")
        .or_else(of_gem)?;
    let name = rest.strip_suffix(".rb")?;
    (!name.contains('/')).then(|| name.to_owned())
}

fn node(path: &str) -> Option<String> {
    let name = [
        "/usr/share/nodejs/",
        "/usr/lib/nodejs/",
        "/usr/lib/x86_64-linux-gnu/nodejs/",
    ];
    let rest = name.iter().find_map(|dir| path.strip_prefix(dir))?;
    let name = rest.strip_suffix("/package.json")?;
    let deepest = usize::from(name.starts_with('@'));
    (name.matches('/').count() == deepest).then(|| name.to_owned())
}

fn php(path: &str) -> Option<String> {
    if let Some(rest) = path.strip_prefix("/usr/lib/php/") {
        let (_, name) = rest.split_once('/')?;
        return name.strip_suffix(".so").map(str::to_owned);
    }
    let rest = path.strip_prefix("/usr/share/php/")?;
    let name = rest.strip_suffix(".php")?;
    let is_main = name.ends_with("/autoload") || !name.contains('/');
    is_main.then(|| path.to_owned())
}

/// The newest Lua that a package has files for.
fn lua_version(paths: &[&str]) -> &'static str {
    let has = |version: &&str| {
        let dir = format!("/lua/{version}/");
        paths.iter().any(|path| path.contains(&dir))
    };
    ["5.4", "5.3", "5.2", "5.1"]
        .into_iter()
        .find(has)
        .unwrap_or("5.4")
}

fn lua(path: &str, version: &str) -> Option<String> {
    let (_, rest) = path.split_once(&format!("/lua/{version}/"))?;
    let name = rest
        .strip_suffix(".lua")
        .or_else(|| rest.strip_suffix(".so"))?;
    let name = name.strip_suffix("/init").unwrap_or(name);
    (!name.contains('/')).then(|| name.to_owned())
}

/// The names that indexes of Tcl's packages offer.
pub(super) fn tcl_packages<'t>(indexes: impl Iterator<Item = &'t String>) -> Vec<String> {
    let words = indexes.flat_map(|text| text.split("package ifneeded ").skip(1));
    let names = words.filter_map(|rest| rest.split_whitespace().next());
    let names = names.filter(|name| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_:-.".contains(&b))
    });
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    names.into_iter().take(MOST).collect()
}
