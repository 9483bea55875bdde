use super::*;

fn names(script: &str) -> Vec<String> {
    scan(script.as_bytes())
        .iter()
        .map(|call| call.name().to_owned())
        .collect()
}

fn only(script: &str, name: &str) -> Call {
    let mut calls = scan(script.as_bytes());
    calls.retain(|call| call.name() == name);
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

#[test]
fn simple_commands_are_found_between_all_separators() {
    assert_eq!(
        names(
            "a; b && c || d | e &\n(f); { g; }\nif h; then i; else j; fi\nwhile k; do l; done\n! m"
        ),
        [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"
        ]
    );
}

#[test]
fn comments_here_documents_and_quotes_hide_what_looks_like_commands() {
    let script =
        "a # b\ncat <<EOF\nrm -rf /\nEOF\ncat <<-'X'\n\trm\n\tX\necho 'rm; rm' \"rm\nrm\"\nz";
    assert_eq!(names(script), ["a", "cat", "cat", "echo", "z"]);
}

#[test]
fn a_case_over_the_first_argument_guards_its_arms() {
    let script = "case \"$1\" in\n configure|abort-upgrade)\n  adduser x\n ;;\n (purge) deluser x;;\n *) echo y;;\nesac\nldconfig";
    let call = only(script, "adduser");
    assert!(call.runs_with("configure") && !call.runs_with("purge"));
    assert!(!only(script, "deluser").runs_with("configure"));
    assert!(only(script, "echo").runs_with("anything"));
    assert!(only(script, "ldconfig").guards.is_empty());
}

#[test]
fn a_test_of_the_first_argument_guards_its_branch() {
    let script = "if [ \"$1\" = \"configure\" ] || [ \"$1\" = triggered ]; then a; else b; fi\nif test purge = $1; then c; fi";
    assert!(only(script, "a").runs_with("triggered") && !only(script, "a").runs_with("x"));
    assert!(only(script, "b").runs_with("x"));
    assert!(!only(script, "c").runs_with("configure"));
}

#[test]
fn a_variable_assigned_once_is_known_and_one_assigned_twice_is_not() {
    let script = "U=web\nH=/a\nH=/b\nadduser --home \"$H\" ${U}x $U ${Z:-q}";
    let call = only(script, "adduser");
    let words: Vec<(&str, bool)> = call
        .arguments()
        .iter()
        .map(|w| (w.text.as_str(), w.literal))
        .collect();
    assert_eq!(
        words,
        [
            ("--home", true),
            ("$H", false),
            ("webx", true),
            ("web", true),
            ("${Z:-q}", false)
        ]
    );
    assert_eq!(call.literal_arguments(), None);
}

#[test]
fn continued_lines_are_one_command_and_keep_its_first_line() {
    let call = only("\nadduser \\\n  --system \\\n  web\n", "adduser");
    assert_eq!(
        (call.line, call.literal_arguments()),
        (2, Some(vec!["--system", "web"]))
    );
}

#[test]
fn redirections_name_the_files_that_are_written() {
    let call = only(
        "echo a 2>&1 >/dev/null 3< in >>/etc/x >| /etc/y &>/etc/z",
        "echo",
    );
    let files: Vec<&str> = call.writes.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(files, ["/etc/x", "/etc/y", "/etc/z"]);
    assert_eq!(call.literal_arguments(), Some(vec!["a"]));
}

#[test]
fn commands_in_substitutions_count_too() {
    assert_eq!(
        names("x=$(getent passwd `id -u`)\necho \"$(cat /y)\" $((1 + 2))"),
        ["id", "getent", "cat", "echo"]
    );
}

#[test]
fn functions_are_read_where_they_stand_and_their_calls_are_no_commands() {
    assert_eq!(
        names("make_user() {\n  adduser x\n}\nmake_user\n"),
        ["adduser"]
    );
}

#[test]
fn any_bytes_are_scanned_without_an_end_to_patience() {
    for text in [
        "",
        "'",
        "\"",
        "$(",
        "${",
        "`",
        "case",
        "case x in",
        "for",
        "<<",
        "<<E\n",
        "\\",
        "$",
        ">",
        "&>",
        "((((",
        "))))",
        ";;;;",
        "esac fi done",
    ] {
        scan(text.as_bytes());
    }
    scan(&[0xff, 0xfe, b'\n', 0]);
    scan("$(".repeat(10_000).as_bytes());
    scan("if ".repeat(10_000).as_bytes());
}
