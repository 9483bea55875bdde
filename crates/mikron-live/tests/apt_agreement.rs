//! Solutions over the real archive, against apt.

mod apt;

use mikron_package::PackageName;
use mikron_solve::{Request, ResolvoSolver, Solved, Solver};
use mikron_source::universe::IndexUniverse;

/// Small and large, with alternatives, virtual packages and tight versions. The survey of two hundred is in
/// `examples/apt_agreement.rs`.
const PACKAGES: [&str; 15] = [
    "nginx",
    "git",
    "apache2",
    "postgresql-15",
    "openjdk-17-jre-headless",
    "php-fpm",
    "python3-numpy",
    "ffmpeg",
    "exim4-daemon-light",
    "mutt",
    "redis-server",
    "ruby-rails",
    "texlive-latex-base",
    "build-essential",
    "ca-certificates",
];

#[test]
fn apt_installs_our_solutions_as_they_are_and_refuses_what_we_refuse() {
    if mikron_testkit::tools::tool("apt-get").is_none() {
        return;
    }
    let Some(mirror) = mikron_live::mirror::mirror() else {
        return;
    };
    let apt = apt::Apt::new(&mirror);
    let universe = apt.universe();
    for name in PACKAGES {
        installs(&apt, &universe, name);
    }
    refuses(&apt, &universe);
}

fn installs(apt: &apt::Apt, universe: &IndexUniverse, name: &str) {
    let request = Request::of([name.parse().expect("a name from the list above")]);
    let solution = ResolvoSolver::default().solve(universe, &request);
    let solution = solution.unwrap_or_else(|error| panic!("{name}: {error}"));
    let pairs = |between: &str| {
        let pair = |p: &Solved| format!("{}{between}{}", p.name, p.version);
        solution.packages.iter().map(pair).collect::<Vec<_>>()
    };
    let installed = apt
        .install(&pairs("="))
        .unwrap_or_else(|text| panic!("{name}: {text}"));
    assert_eq!(installed, pairs(" ").into_iter().collect(), "{name}");
}

fn refuses(apt: &apt::Apt, universe: &IndexUniverse) {
    let names = ["exim4-daemon-light", "postfix"];
    let wish = names.map(|name| name.parse::<PackageName>().expect("a package's name"));
    let outcome = ResolvoSolver::default().solve(universe, &Request::of(wish));
    let text = outcome
        .expect_err("two mail servers exclude each other")
        .to_string();
    assert!(
        text.contains("conflicts with `mail-transport-agent`"),
        "{text}"
    );
    assert!(
        text.contains("leave out one of `exim4-daemon-light` and `postfix`"),
        "{text}"
    );
    assert!(apt.install(&names.map(str::to_owned)).is_err());
}
