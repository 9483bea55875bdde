//! The language of scripts: what it computes, what it refuses, and where it stops.

use std::io;

use mikron_package::RootPath;
use mikron_slices::{
    Node, ScriptErrorKind, ScriptLimits, SliceError, SliceErrorKind, Stage, mutate,
};

use crate::{good, selected};

struct Nothing;

impl Stage for Nothing {
    fn look(&mut self, _: &RootPath) -> io::Result<Option<Node>> {
        Ok(None)
    }

    fn read(&mut self, _: &RootPath) -> io::Result<Vec<u8>> {
        Err(io::Error::other("nothing is here"))
    }

    fn write(&mut self, _: &RootPath, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("nothing is here"))
    }

    fn list(&mut self, _: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>> {
        Ok(Vec::new())
    }
}

fn run_with(script: &str, limits: &ScriptLimits) -> Result<String, SliceError> {
    // Without block style, so that every script is text that YAML can hold.
    let quoted = script
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\t', "\\t");
    let text = format!("package: aa\nslices:\n  bins:\n    mutate: \"{quoted}\"\n");
    let selection = selected(&good("v1", &[&text]), &["aa_bins"]);
    let mutated = mutate(&selection, &[], &mut Nothing, limits)?;
    Ok(mutated.printed.into_iter().map(|(_, text)| text).collect())
}

fn run(script: &str) -> Result<String, SliceError> {
    run_with(script, &ScriptLimits::default())
}

/// What an expression is, as the language writes it.
fn value(expression: &str) -> String {
    match run(&format!("print(repr(({expression})))")) {
        Ok(text) => text.trim_end().to_owned(),
        Err(error) => panic!("{expression}: {error}"),
    }
}

/// Bounds that a debug build reaches soon.
const SMALL: ScriptLimits = ScriptLimits {
    steps: 300_000,
    memory: 16 << 20,
    file: 1 << 20,
};

fn kind(script: &str) -> ScriptErrorKind {
    match run_with(script, &SMALL) {
        Ok(text) => panic!("{script} gives {text}"),
        Err(SliceError {
            kind: SliceErrorKind::Script { kind, .. },
            ..
        }) => kind,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn expressions_have_the_values_of_the_language() {
    let cases = [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 // 2, -7 // 2, 7 // -2, -7 // -2", "(3, -4, -4, 3)"),
        ("7 % 3, -7 % 3, 7 % -3, -7 % -3", "(1, 2, -2, -1)"),
        ("0x1f, 0o17, 0b11", "(31, 15, 3)"),
        ("1 << 4 | 3 & 2 ^ 1", "19"),
        ("~5, -5, +5", "(-6, -5, 5)"),
        ("not 1 == 2", "True"),
        ("1 if [] else 2", "2"),
        ("[] or 'x', 1 and 0", "(\"x\", 0)"),
        (
            "1 < 2, 'a' < 'b', (1, 2) < (1, 3), [2] > [1, 9]",
            "(True, True, True, True)",
        ),
        (
            "1 == True, 'a' == 'a', [1] == [1], (1,) == [1]",
            "(False, True, True, False)",
        ),
        ("{'a': 1} == {'a': 1}, {'a': 1} != {'a': 2}", "(True, True)"),
        (
            "2 in [1, 2], 'b' in 'abc', 'k' in {'k': 0}, 3 not in (1, 2)",
            "(True, True, True, True)",
        ),
        (
            "'ab' * 2 + 'c', [1] * 3, 2 * (0,)",
            "(\"ababc\", [1, 1, 1], (0, 0))",
        ),
        (
            "'abcdef'[1:4], 'abcdef'[-2:], 'abcdef'[::-1], 'abcdef'[::2]",
            "(\"bcd\", \"ef\", \"fedcba\", \"ace\")",
        ),
        ("[1, 2, 3][-1], (1, 2)[0], 'abc'[1]", "(3, 1, \"b\")"),
        (
            "[1, 2, 3, 4][1:-1], range(10)[2:8:3]",
            "([2, 3], range(2, 8, 3))",
        ),
        (
            "[x * y for x in range(3) for y in [1, 10] if x]",
            "[1, 10, 2, 20]",
        ),
        ("{k: len(k) for k in ['a', 'bb']}", "{\"a\": 1, \"bb\": 2}"),
        ("{1: 2} | {3: 4, 1: 0}", "{1: 0, 3: 4}"),
        (
            "(lambda x, y=2: x + y)(1), (lambda *a, **k: (a, k))(1, b=2)",
            "(3, ((1,), {\"b\": 2}))",
        ),
        ("(), (1,), [1, 2,]", "((), (1,), [1, 2])"),
        ("None, True, False", "(None, True, False)"),
        ("'é\\n\\t\"\\\\'", "\"é\\n\\t\\\"\\\\\""),
        ("r'a\\n', '\\x41\\u00e9\\101'", "(\"a\\\\n\", \"AéA\")"),
        ("'''a\nb'''", "\"a\\nb\""),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn texts_have_their_methods() {
    let cases = [
        (
            "'a,b,,c'.split(','), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1)",
            "([\"a\", \"b\", \"\", \"c\"], [\"a\", \"b,c\"], [\"a,b\", \"c\"])",
        ),
        (
            "'  a  b '.split(), ' a b c '.split(None, 1), ' a b c '.rsplit(None, 1)",
            "([\"a\", \"b\"], [\"a\", \"b c\"], [\"a b\", \"c\"])",
        ),
        (
            "'a\\nb\\n'.splitlines(), 'a\\nb'.splitlines(True)",
            "([\"a\", \"b\"], [\"a\\n\", \"b\"])",
        ),
        ("', '.join(['a', 'b']), ''.join([])", "(\"a, b\", \"\")"),
        (
            "' x '.strip(), 'xxaxx'.strip('x'), 'xxa'.lstrip('x'), 'axx'.rstrip('x')",
            "(\"x\", \"a\", \"a\", \"a\")",
        ),
        (
            "'abcabc'.find('c'), 'abcabc'.rfind('c'), 'abc'.find('x'), 'abcabc'.count('bc')",
            "(2, 5, -1, 2)",
        ),
        ("'abcabc'.index('c', 3), 'abc'.find('a', 1)", "(5, -1)"),
        (
            "'aXbXc'.replace('X', '--'), 'aaa'.replace('a', 'b', 2), 'ab'.replace('', '-')",
            "(\"a--b--c\", \"bba\", \"-a-b-\")",
        ),
        (
            "'abc'.startswith('ab'), 'abc'.endswith(('x', 'c')), 'abc'.startswith('b', 1)",
            "(True, True, True)",
        ),
        (
            "'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'a'.partition('=')",
            "((\"a\", \"=\", \"b=c\"), (\"a=b\", \"=\", \"c\"), (\"a\", \"\", \"\"))",
        ),
        (
            "'Ab'.upper(), 'Ab'.lower(), 'ab cd'.title(), 'aB'.capitalize()",
            "(\"AB\", \"ab\", \"Ab Cd\", \"Ab\")",
        ),
        (
            "'lib.so'.removeprefix('lib'), 'lib.so'.removesuffix('.so')",
            "(\".so\", \"lib\")",
        ),
        (
            "'12'.isdigit(), 'a1'.isalnum(), 'ab'.isalpha(), ' '.isspace(), 'Ab'.istitle()",
            "(True, True, True, True, True)",
        ),
        (
            "'ab'.islower(), 'AB'.isupper(), ''.isdigit()",
            "(True, True, False)",
        ),
        (
            "'{} {1} {k!r} {{}}'.format('a', 'b', k='c')",
            "\"a b \\\"c\\\" {}\"",
        ),
        (
            "'%s %r %d %x %o %% %c' % ('a', 'b', 3, 255, 8, 65), '%s' % 1, '%(k)s' % {'k': 2}",
            "(\"a \\\"b\\\" 3 ff 10 % A\", \"1\", \"2\")",
        ),
        (
            "'é'.elem_ords(), 'é'.codepoint_ords(), 'ab'.elems(), 'éa'.codepoints()",
            "([195, 169], [233], [\"a\", \"b\"], [\"é\", \"a\"])",
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn functions_of_the_language_are_there() {
    let cases = [
        (
            "len('ab'), len([1]), len({}), len(range(3))",
            "(2, 1, 0, 3)",
        ),
        (
            "sorted([3, 1, 2]), sorted('b a'.split(), reverse=True), sorted([-2, 1], key=abs)",
            "([1, 2, 3], [\"b\", \"a\"], [1, -2])",
        ),
        (
            "sorted([(1, 'b'), (0, 'c'), (1, 'a')], key=lambda p: p[0])",
            "[(0, \"c\"), (1, \"b\"), (1, \"a\")]",
        ),
        (
            "min(3, 1, 2), max([1, 3]), min(['bb', 'a'], key=len)",
            "(1, 3, \"a\")",
        ),
        (
            "list(range(5, 0, -2)), list(enumerate(['a'], 1)), zip([1, 2], 'xy'.elems())",
            "([5, 3, 1], [(1, \"a\")], [(1, \"x\"), (2, \"y\")])",
        ),
        (
            "any([0, 1]), all([]), bool(''), bool([0])",
            "(True, True, False, True)",
        ),
        (
            "int('12'), int('-0x1f', 0), int('z', 36), int(True), str(1), repr('a')",
            "(12, -31, 35, 1, \"1\", \"\\\"a\\\"\")",
        ),
        (
            "chr(233), ord('é'), type(1), type('')",
            "(\"é\", 233, \"int\", \"string\")",
        ),
        (
            "dict([('a', 1)], b=2), list({'x': 1}), tuple([1]), reversed([1, 2])",
            "({\"a\": 1, \"b\": 2}, [\"x\"], (1,), [2, 1])",
        ),
        (
            "hasattr('', 'join'), getattr('ab', 'upper')(), getattr('', 'nope', 0)",
            "(True, \"AB\", 0)",
        ),
        ("hash('abc'), abs(-3)", "(96354, 3)"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn statements_do_what_they_say() {
    let script = "\
def classify(words, *, default = 'none'):
    '''Sorts words by their first letters.'''
    found = {}
    for word in words:
        if not word:
            continue
        elif word == 'stop':
            break
        else:
            found.setdefault(word[0], []).append(word)
    if not found:
        return default
    return found

a, (b, c) = 1, [2, 3]
a += 10; b *= 3
items = [1]
items += [2]
same = items
same.append(3)
table = {'x': [0]}
table['x'][0] -= 5
table['y'] = a
def outer(n):
    def inner(m):
        return n + m
    return inner
print(classify(['apple', '', 'ant', 'bee', 'stop', 'cow']))
print(classify([]), classify([], default = 0))
print(a, b, c, items, table, outer(1)(2))
for i in range(3):
    if i == 1: continue
    print(i)
x = [i for i in range(3)]
a = 'again'
print(a,
      x)
";
    assert_eq!(
        run(script).unwrap(),
        "{\"a\": [\"apple\", \"ant\"], \"b\": [\"bee\"]}\nnone 0\n11 6 3 [1, 2, 3] {\"x\": [-5], \"y\": 11} 3\n0\n2\nagain [0, 1, 2]\n"
    );
}

#[test]
fn lists_and_mappings_have_their_methods() {
    let script = "\
l = [3, 1]
l.insert(0, 9); l.insert(-1, 8); l.extend((5,)); l.remove(3)
print(l, l.pop(), l.pop(0), l.index(1), l)
l.clear()
d = {'a': 1}
d.update([('b', 2)], c = 3)
print(d.get('a'), d.get('z'), d.get('z', 0), d.pop('b'), d.pop('q', None), l)
print(d.items(), d.keys(), d.values(), d.popitem(), d)
";
    assert_eq!(
        run(script).unwrap(),
        "[8, 1] 5 9 1 [8, 1]\n1 None 0 2 None []\n[(\"a\", 1), (\"c\", 3)] [\"a\", \"c\"] [1, 3] (\"a\", 1) {\"c\": 3}\n"
    );
}

#[test]
fn messages_of_scripts_say_what_is_wrong() {
    let scripts = [
        "x = ",
        "x = (1",
        "x = 'open",
        "if 1:\nx = 2",
        "  x = 1\n y = 2",
        "def f(:\n  pass",
        "return 1",
        "break",
        "while True: pass",
        "load('//x', 'y')",
        "import os",
        "x = 1 / 2",
        "x = 1 < 2 < 3",
        "x = 'a' 'b'",
        "x = 1.5",
        "x = 012",
        "x = 99999999999999999999",
        "1 = x",
        "f() = 1",
        "x = 'a\\q'",
        "x = $",
        "contnet.read('/x')",
        "x = lenght('a')",
        "content.raed('/x')",
        "'a'.uper()",
        "x = 'a' + 1",
        "x = [1][5]",
        "x = {'a': 1}['b']",
        "x = {'a': 1, 'a': 2}",
        "x = {[]: 1}",
        "a, b = [1]",
        "x = 1 // 0",
        "x = 9223372036854775807 + 1",
        "x = sorted([1, 'a'])",
        "x = int('one')",
        "l = [1]\nfor x in l:\n  l.append(x)",
        "def f():\n  return f()\nf()",
        "def f():\n  print(x)\n  x = 1\nf()",
        "def f(a): pass\nf()",
        "def f(a): pass\nf(1, 2)",
        "def f(a): pass\nf(1, b = 2)",
        "def f(a, a): pass",
        "fail('no certificate', 3)",
        "'{} {}'.format(1)",
        "'%d' % 'a'",
        "''.join([1])",
        "1()",
        "for x in 1: pass",
        "content.write('relative', 'x')",
        "content.write('/x')",
    ];
    let mut out = String::new();
    for script in scripts {
        let error = run(script)
            .err()
            .unwrap_or_else(|| panic!("accepted: {script}"));
        let SliceErrorKind::Script { line, column, kind } = &error.kind else {
            panic!("{error}")
        };
        let shown = script.replace('\n', "⏎");
        out.push_str(&format!("{shown}\n    {line}:{column}: {kind}\n"));
        if let Some(help) = &error.help {
            out.push_str(&format!("    help: {help}\n"));
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_script_that_does_not_end_is_stopped() {
    for script in [
        "for a in range(100000):\n  for b in range(100000):\n    pass",
        "x = [a for a in range(1 << 40)]",
        "x = all([True for a in range(3000000) for b in range(100)])",
        "x = 5 in range(10, 1 << 62)",
        "s = 'ab' * 100000\nfor i in range(10000000):\n  s.count('ba')",
    ] {
        let kind = kind(script);
        let stopped = matches!(kind, ScriptErrorKind::Steps(_) | ScriptErrorKind::Memory(_));
        assert!(stopped, "{script}: {kind}");
    }
}

#[test]
fn a_script_that_wants_all_memory_is_stopped() {
    for script in [
        "x = 'a' * (1 << 40)",
        "x = [0] * (1 << 40)",
        "x = list(range(1 << 40))",
        "x = []\nx += range(1 << 40)",
        "a, b = range(1 << 40)",
        "print(*range(1 << 40))",
        "x = sorted(range(1 << 40))",
        "x = max(range(1 << 40))",
        "x = 'a'\nfor i in range(60):\n  x += x",
        "x = [0]\nfor i in range(60):\n  x = x + x",
        "x = ('a' * 10000).replace('', 'b' * 1000000)",
        "x = 'x'.join(['a' * 1000000] * 1000)",
        "x = ('a' * 1000000).elems()\ny = [x[:] for i in range(100000)]",
        "x = 'a' * (1 << 20)\ny = '%s' * 1000 % tuple([x] * 1000)",
        "def f(): pass\nfor i in range(100000000): f()",
        "d = {}\nfor i in range(100000000): d[i] = i",
    ] {
        let kind = kind(script);
        let stopped = matches!(kind, ScriptErrorKind::Memory(_) | ScriptErrorKind::Steps(_));
        assert!(stopped, "{script}: {kind}");
    }
}

#[test]
fn a_script_that_nests_without_end_is_stopped() {
    let parens = format!("x = {}1{}", "(".repeat(5000), ")".repeat(5000));
    let minus = format!("x = {}1", "-".repeat(5000));
    let nots = format!("x = {}1", "not ".repeat(5000));
    let sum = format!("x = {}1", "1 + ".repeat(5000));
    let lists = format!("x = {}{}", "[".repeat(5000), "]".repeat(5000));
    let calls = format!("x = len{}", "()".repeat(5000));
    let lambdas = format!("x = {}1", "lambda: ".repeat(5000));
    let ifs = format!("x = {}1", "1 if 1 else ".repeat(5000));
    let blocks: String = (0..200)
        .map(|at| format!("{}if 1:\n", " ".repeat(at)))
        .collect();
    for script in [
        &parens, &minus, &nots, &sum, &lists, &calls, &lambdas, &ifs, &blocks,
    ] {
        let kind = kind(script);
        let stopped = matches!(kind, ScriptErrorKind::Depth | ScriptErrorKind::Syntax(_));
        assert!(stopped, "{}…: {kind}", &script[..20]);
    }
    let deep = "x = []\nfor i in range(20000):\n  x = [x]\n";
    assert_eq!(run(deep).unwrap(), "", "building is no harm");
    assert_eq!(kind(&format!("{deep}print(x)")), ScriptErrorKind::Depth);
    let equal = format!("{deep}y = []\nfor i in range(20000):\n  y = [y]\nz = x == y");
    assert_eq!(kind(&equal), ScriptErrorKind::Depth);
    let key = "x = ()\nfor i in range(1000):\n  x = (x,)\nd = {x: 1}";
    assert_eq!(kind(key), ScriptErrorKind::Depth);
    let wide = "x = (1,)\nfor i in range(60):\n  x = (x, x)\nd = {x: 1}";
    assert!(matches!(
        kind(wide),
        ScriptErrorKind::Steps(_) | ScriptErrorKind::Memory(_)
    ));
    let circle = "x = []\nx.append(x)\nprint(x)";
    assert_eq!(kind(circle), ScriptErrorKind::Depth);
    let functions: String = (0..300)
        .map(|at| format!("def f{at}(): return f{}()\n", at + 1))
        .collect();
    assert_eq!(kind(&format!("{functions}f0()")), ScriptErrorKind::Depth);
}

#[test]
fn the_deepest_script_that_is_allowed_fits_on_a_small_stack() {
    let deep = format!("x = {}1{}", "[".repeat(48), "]".repeat(48));
    assert!(run(&deep).is_ok());
    let sum = format!("x = {}1", "1 + ".repeat(98));
    assert!(run(&sum).is_ok());
    let functions: String = (0..60)
        .map(|at| format!("def f{at}(n):\n  return f{}(n)\n", at + 1))
        .collect();
    let script = format!("{functions}def f60(n):\n  return n\nprint(f0(1))");
    assert_eq!(run(&script).unwrap(), "1\n");
}
