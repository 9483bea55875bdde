//! The grammar, by the sections of the Shell Command Language (POSIX.1-2024, XCU 2), and that of bash and ksh.

mod common {
    pub(crate) mod outline;
}

use common::outline::outline;
use mikron_shell::{CommandKind, ErrorKind, Limits, parse};

#[track_caller]
fn reads(text: &str, expected: &str) {
    assert_eq!(outline(text), expected, "{text}");
}

#[track_caller]
fn fails(text: &str) -> (u32, u32, ErrorKind) {
    let error = parse(text.as_bytes(), &Limits::default()).error;
    let error = error.unwrap_or_else(|| panic!("{text} is read"));
    (error.line, error.column, error.kind)
}

#[test]
fn quotes_2_2_keep_every_character_and_double_quotes_all_but_four() {
    reads(r"a\ b \'c \\", r"a' 'b '''c '\'");
    reads("'a$b`\\\n'", "'a$b`\\\n'");
    reads("\"a 'b' \\$c \\x \\\"\"", "\"a 'b' $c \\x \"\"");
    reads("a\\\nb \"c\\\nd\"", "ab \"cd\"");
    reads(
        "$'a\\n\\t\\'\\x41\\102\\u00e9' \"$'x'\"",
        "'a\n\t'ABé' \"$'x'\"",
    );
    reads("''", "''");
}

#[test]
fn tokens_2_3_end_at_operators_and_comments_begin_only_where_a_token_does() {
    reads("a;b&c|d&&e||f\ng", "a; b &; c | d && e || f; g");
    reads("a#b # c\n#d\ne", "a#b; e");
    reads("a \\\n b", "a b");
}

#[test]
fn reserved_words_2_4_are_reserved_only_where_a_command_begins_and_without_quotes() {
    reads("echo if then fi { }", "echo if then fi { }");
    reads("'if' x; \\for y", "'if' x; 'f'or y");
    reads("ifx; {a; }a", "ifx; {a; }a");
    reads("if a; then { b; } fi", "if[a ? {b}]");
}

#[test]
fn parameters_2_5_2_6_2_have_names_numbers_and_signs() {
    reads(
        "$a $1 $10 $@ $# $? $$ $! $- $*",
        "<a> <1> <1>0 <@> <#> <?> <$> <!> <-> <*>",
    );
    reads(
        "${a} ${10} ${#a} ${#} ${#-} ${##x}",
        "<a> <10> <#a> <#> <#-> <# Trim# x>",
    );
    reads(
        "${a:-b c} ${a-b} ${a:=b} ${a?b} ${a:+$b}",
        "<a Default: b c> <a Default b> <a Assign: b> <a Error b> <a Alternative: <b>>",
    );
    reads(
        "${a#b*} ${a##'}'} ${a%.c} ${a%%\"}\"}",
        "<a Trim# b*> <a Trim## '}'> <a Trim% .c> <a Trim%% \"}\">",
    );
    reads(
        "\"${a:-'b'}\" \"${a#'}'}\" \"${a:-\"b\"}\"",
        "\"<a Default: 'b'>\" \"<a Trim# '}'>\" \"<a Default: \"b\">\"",
    );
    reads("a$ $% \"$\" $", "a$ $% \"$\" $");
}

#[test]
fn command_substitution_2_6_3_is_read_by_the_grammar_and_nests_in_both_forms() {
    reads("$(a $(b) \"$(c \"d\")\")", "<$a <$b> \"<$c \"d\">\">");
    reads("$(case x in a) b;; esac)", "<$case[x, a ? b]>");
    reads(
        "`a \\`b \\\\\\`c\\\\\\`\\`` \"`d \\\"e\\\"`\"",
        "<$a <$b <$c>>> \"<$d \"e\">\"",
    );
    reads("$( # )\na)", "<$a>");
    reads("$() ``", "<$> <$>");
}

#[test]
fn arithmetic_2_6_4_ends_with_both_brackets_and_is_else_a_subshell() {
    reads("$((1 + (2 * $a))) \"$((b))\"", "<=1 + (2 * <a>)> \"<=b>\"");
    reads("$((a; b) | (c))", "<$(a; b) | (c)>");
    reads("$(( $(a) + `b` ))", "<= <$a> + <$b> >");
}

#[test]
fn redirections_2_7_take_descriptors_and_stand_anywhere_in_a_command() {
    reads("<a b 2>c >>d e >|f", "b e Read:a 2Write:c Append:d Write:f");
    reads(
        "a 2>&1 <&- 3<>b 2 >c",
        "a 2 2DuplicateOutput:1 DuplicateInput:- 3ReadWrite:b Write:c",
    );
    reads("{ a; } >b; (c) <d", "{a} Write:b; (c) Read:d");
    reads("while a; do b; done <c | d", "while[a ? b] Read:c | d");
    reads(">a", "Write:a");
}

#[test]
fn here_documents_2_7_4_follow_their_line_and_expand_unless_quoted() {
    reads(
        "cat <<E; a\nx $b `c`\nE\nd",
        "cat HereDocument:x <b> <$c>\n; a; d",
    );
    reads("cat <<'E'\n$b\\\nE\n", "cat HereDocument:'$b\\\n'");
    reads("cat <<-E\n\t\ta\n\tE\nb", "cat HereDocument:a\n; b");
    reads(
        "a <<A <<\"B\"\n1\nA\n2\nB\nc",
        "a HereDocument:1\n HereDocument:'2\n'; c",
    );
    reads("cat <<E\na\\\nE\nE\nb", "cat HereDocument:aE\n; b");
    reads("if a <<E; then\nx\nE\nb; fi", "if[a HereDocument:x\n ? b]");
    reads("x=$(cat <<E\n)\nE\n); a", "x=<$cat HereDocument:)\n>; a");
    reads("cat <<-E\n\tno end", "cat HereDocument:no end");
    reads("cat <<E\nnever ended", "cat HereDocument:never ended");
}

#[test]
fn simple_commands_2_9_1_begin_with_assignments() {
    reads("a=b c= d=$e f g=h", "a=b c= d=<e> f g=h");
    reads("1a=b a-b=c", "1a=b a-b=c");
    reads("a=b >c", "a=b Write:c");
}

#[test]
fn pipelines_and_lists_2_9_2_2_9_3_may_go_on_after_a_newline() {
    reads("! a | b", "! a | b");
    reads("a |\n\n b && # c\n d ||\ne", "a | b && d || e");
    reads("a & b &", "a &; b &");
}

#[test]
fn compound_commands_2_9_4_nest() {
    reads(
        "for a in b \"$c\" *; do d; done",
        "for[a in b \"<c>\" * ? d]",
    );
    reads(
        "for a; do b; done; for a\ndo b\ndone; for a in; do b; done",
        "for[a in $@ ? b]; for[a in $@ ? b]; for[a in  ? b]",
    );
    reads("for a do b; done", "for[a in $@ ? b]");
    reads(
        "case $a in (b|\"c\") d;; *) ;; esac",
        "case[<a>, b|\"c\" ? d, * ? ]",
    );
    reads("case a\nin\nb)\nc\nesac", "case[a, b ? c]");
    reads("case a in esac", "case[a]");
    reads("case a in if) b ;& esac", "case[a, if ? b ;&]");
    reads(
        "if a; then b; elif c; then d; else e; fi",
        "if[a ? b : c ? d : e]",
    );
    reads(
        "until a; do while b; do c; done; done",
        "until[a ? while[b ? c]]",
    );
    reads("( (a) ); { b\n}", "((a)); {b}");
    reads("((a); b)", "((a); b)");
}

#[test]
fn functions_2_9_5_have_a_compound_command_and_its_redirections() {
    reads("f() { a; } >b; g ( )\n(c)", "f()={a} Write:b; g()=(c)");
    reads("f() if a; then b; fi", "f()=if[a ? b]");
}

#[test]
fn bash_and_ksh_add_tests_that_are_parsed_and_not_commands() {
    reads(
        "[[ -f $a && ! ( b == c* || d ) ]]",
        "[[(-f <a> && !(b == c* || d))]]",
    );
    reads("[[ $a =~ ^(a|b c)+$ ]] && b", "[[<a> =~ ^(a|b c)+$]] && b");
    reads("[[ a < b\n&& -n c ]]", "[[(a < b && -n c)]]");
    reads("[[ $a == @(x|!(y))z ]]", "[[<a> == @(x|!(y))z]]");
}

#[test]
fn bash_and_ksh_add_arithmetic_commands_and_loops() {
    reads("((a += 1)) || b", "((a += 1)) || b");
    reads(
        "for ((i = 0; i < $n; i++)); do a; done",
        "for[i = 0; i < <n>; i++ ? a]",
    );
    reads(
        "for ((;;)) { a; }",
        "for[;; ? {a}]".replace("{a}", "a").as_str(),
    );
    reads("select a in b; do c; done", "for[a in b ? c]");
    reads("$[1 + a[2]] \"^$[\"", "<=1 + a[2]> \"^$[\"");
}

#[test]
fn bash_and_ksh_add_functions_arrays_and_appending() {
    reads("function f { a; }; function g() { b; }", "f()={a}; g()={b}");
    reads(
        "a=(b \"$c\"\n # d\n [1]=e) f+=g h[$i+1]=j",
        "a=[b \"<c>\" [1]=e] f+=g h+=j<=<i>+1>",
    );
    reads(
        "local -a a=(b c) d; declare e+=(f)",
        "local -a a=[b c] d; declare e+=[f]",
    );
    reads(
        "${a[@]} ${#a[*]} ${!a[@]} ${!b} ${a[$i]:1:2} ${a//b/c} ${a^^} ${a@Q}",
        "<a[@]> <#a[*]> <!a[@]> <!b> <a[<i>] Other :1:2> <a Other //b/c> <a Other ^^> <a Other @Q>",
    );
}

#[test]
fn bash_and_ksh_add_redirections_and_substitutions() {
    reads(
        "a <<<\"$b\" &>c |& d &>>e",
        "a HereString:\"<b>\" WriteBoth:c | d WriteBoth:e",
    );
    reads("a <(b | c) >(d) {fd}>e", "a <&b | c> <&d> {fd}Write:e");
    reads("coproc a b; coproc N { c; }", "coproc a b; coproc {c}");
    reads("time -p { a; }; time a", "{a}; time a");
    reads(
        "case a in @(b|c)d|!(e)) f;;& g) ;; esac",
        "case[a, @(b|c)d|!(e) ? f ;;&, g ? ]",
    );
    reads("ls !(a|b)", "ls !(a|b)");
}

#[test]
fn commands_know_their_lines_also_within_substitutions_and_here_documents() {
    let text = "a\nb \\\n  c\nd=$(\n e\n)\ncat <<E\n$(f\n)\nE\ng `h\ni`\nj";
    let calls = mikron_shell::commands(&parse(text.as_bytes(), &Limits::default()));
    let lines: Vec<(&str, u32)> = calls.iter().map(|call| (call.name(), call.line)).collect();
    let expected = [
        ("a", 1),
        ("b", 2),
        ("e", 5),
        ("f", 8),
        ("cat", 7),
        ("h", 11),
        ("i", 12),
        ("g", 11),
        ("j", 13),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_redirection_at_the_start_of_a_line_counts_no_line() {
    let calls = mikron_shell::commands(&parse(b"a\n>x\n<y b\n", &Limits::default()));
    let lines: Vec<u32> = calls.iter().map(|call| call.line).collect();
    assert_eq!(lines, [1, 2, 3]);
}

#[test]
fn an_error_knows_its_line_and_column_and_what_was_read_before_it_stays() {
    let script = parse(b"a\nif b; then\n  c; )\nfi\n", &Limits::default());
    let error = script.error.expect("it is wrong");
    assert_eq!(
        error.to_string(),
        "line 3, column 6: `)` is not expected here"
    );
    assert_eq!(script.commands.len(), 2);
    let inner = &script.commands[1].and_or.first.commands[0].kind;
    assert!(matches!(inner, CommandKind::If(found) if found.arms[0].1.len() == 1));
}

#[test]
fn what_is_not_closed_or_out_of_place_is_an_error() {
    for text in [
        "'a",
        "\"a",
        "`a",
        "$(a",
        "${a",
        "$((1)",
        "(a",
        "{ a",
        "if a; then b",
        "while a; do b",
        "case a in b) c",
        "for a in b; do c",
        "[[ a",
        "$'a",
        "a=(b",
        "<(a",
        "case a in",
    ] {
        fails(text);
    }
    for text in [
        ")",
        "fi",
        "}",
        "a;;",
        "if ; then a; fi",
        "if a; then fi",
        "( )",
        "{ }",
        "a | ",
        "a && ",
        "| a",
        "&& a",
        ";",
        "a > ",
        "a <<",
        "f() ",
        "[[ ]]",
        "[[ a b ]]",
        "a (b)",
        "case a b) c;; esac",
        "for a in b do c; done",
        "echo a=(b)",
        "while do a; done",
        "a & ; b",
        "! ! (",
        "function",
    ] {
        fails(text);
    }
    assert_eq!(fails("a 'b\n"), (2, 1, ErrorKind::Unclosed { opened: "'" }));
    assert_eq!(
        fails("if a\n"),
        (2, 1, ErrorKind::Missing { expected: "then" })
    );
}

#[test]
fn an_error_in_backquotes_or_in_a_here_document_does_not_end_the_reading() {
    let script = parse(b"a `if` b\nc <<E\n$(\nE\nd\n", &Limits::default());
    let error = script.error.as_ref().expect("it is wrong");
    assert_eq!(error.line, 1);
    let calls = mikron_shell::commands(&script);
    let names: Vec<&str> = calls.iter().map(mikron_shell::Call::name).collect();
    assert_eq!(names, ["a", "c", "d"]);
}
