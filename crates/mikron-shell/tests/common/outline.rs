//! A script as one short line, so that a test shows what was read: words in angle brackets where they have parts, commands in
//! brackets.

use mikron_shell::ast::{
    Command, CommandKind, Connector, Item, Part, Redirect, Target, Test, Word,
};
use mikron_shell::{Limits, Script, parse};

/// The outline of a script that must parse to its end.
pub(crate) fn outline(text: &str) -> String {
    let script = parse(text.as_bytes(), &Limits::default());
    assert_eq!(script.error, None, "{text}");
    Outline(&script).list(&script.commands)
}

struct Outline<'s>(&'s Script);

impl Outline<'_> {
    fn list(&self, list: &[Item]) -> String {
        let items = list.iter().map(|item| {
            let mut text = self.pipeline(&item.and_or.first);
            for (connector, pipeline) in &item.and_or.rest {
                text += match connector {
                    Connector::And => " && ",
                    Connector::Or => " || ",
                };
                text += &self.pipeline(pipeline);
            }
            text + if item.background { " &" } else { "" }
        });
        items.collect::<Vec<_>>().join("; ")
    }

    fn pipeline(&self, pipeline: &mikron_shell::ast::Pipeline) -> String {
        let commands: Vec<String> = pipeline.commands.iter().map(|c| self.command(c)).collect();
        let not = if pipeline.negated { "! " } else { "" };
        format!("{not}{}", commands.join(" | "))
    }

    fn command(&self, command: &Command) -> String {
        let mut text = match &command.kind {
            CommandKind::Simple(simple) => {
                let assignments = simple.assignments.iter().map(|a| {
                    let plus = if a.partial { "+" } else { "" };
                    format!("{}{plus}={}", a.name, self.word(&a.value))
                });
                let words = simple.words.iter().map(|word| self.word(word));
                assignments.chain(words).collect::<Vec<_>>().join(" ")
            }
            CommandKind::Group(list) => format!("{{{}}}", self.list(list)),
            CommandKind::Subshell(list) => format!("({})", self.list(list)),
            CommandKind::If(conditional) => {
                let arms = conditional.arms.iter();
                let arms = arms.map(|(c, b)| format!("{} ? {}", self.list(c), self.list(b)));
                let mut text = arms.collect::<Vec<_>>().join(" : ");
                if let Some(otherwise) = &conditional.otherwise {
                    text = format!("{text} : {}", self.list(otherwise));
                }
                format!("if[{text}]")
            }
            CommandKind::Loop {
                until,
                condition,
                body,
            } => {
                let name = if *until { "until" } else { "while" };
                format!("{name}[{} ? {}]", self.list(condition), self.list(body))
            }
            CommandKind::For {
                variable,
                words,
                body,
            } => {
                let words = words
                    .as_ref()
                    .map_or("$@".to_owned(), |words| self.words(words));
                format!("for[{variable} in {words} ? {}]", self.list(body))
            }
            CommandKind::ArithmeticFor { expressions, body } => {
                format!("for[{} ? {}]", self.word(expressions), self.list(body))
            }
            CommandKind::Case { subject, arms } => {
                let arms = arms.iter().map(|arm| {
                    let patterns: Vec<String> = arm.patterns.iter().map(|p| self.word(p)).collect();
                    format!(
                        ", {} ? {}{}",
                        patterns.join("|"),
                        self.list(&arm.body),
                        match arm.end {
                            mikron_shell::ast::ArmEnd::Break => "",
                            mikron_shell::ast::ArmEnd::FallThrough => " ;&",
                            mikron_shell::ast::ArmEnd::Continue => " ;;&",
                        }
                    )
                });
                format!("case[{}{}]", self.word(subject), arms.collect::<String>())
            }
            CommandKind::Function { name, body } => format!("{name}()={}", self.command(body)),
            CommandKind::Arithmetic(word) => format!("(({}))", self.word(word)),
            CommandKind::Test(test) => format!("[[{}]]", self.test(test)),
            CommandKind::Coprocess(command) => format!("coproc {}", self.command(command)),
        };
        for redirect in &command.redirects {
            if !text.is_empty() {
                text.push(' ');
            }
            text += &self.redirect(redirect);
        }
        text
    }

    fn redirect(&self, redirect: &Redirect) -> String {
        let target = match &redirect.target {
            Target::Word(word) => self.word(word),
            Target::HereDocument(number) => self.word(&self.0.here_documents[*number].body),
        };
        let descriptor = redirect.descriptor.as_deref().unwrap_or_default();
        format!("{descriptor}{:?}:{target}", redirect.operator)
    }

    fn test(&self, test: &Test) -> String {
        let join = |tests: &[Test], by: &str| {
            let tests: Vec<String> = tests.iter().map(|test| self.test(test)).collect();
            format!("({})", tests.join(by))
        };
        match test {
            Test::Word(word) => self.word(word),
            Test::Unary(operator, word) => format!("{operator} {}", self.word(word)),
            Test::Binary(left, operator, right) => {
                format!("{} {operator} {}", self.word(left), self.word(right))
            }
            Test::Not(test) => format!("!{}", self.test(test)),
            Test::All(tests) => join(tests, " && "),
            Test::Any(tests) => join(tests, " || "),
        }
    }

    fn words(&self, words: &[Word]) -> String {
        let words: Vec<String> = words.iter().map(|word| self.word(word)).collect();
        words.join(" ")
    }

    fn word(&self, word: &Word) -> String {
        self.parts(&word.parts)
    }

    fn parts(&self, parts: &[Part]) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Quoted(text) => format!("'{text}'"),
            Part::DoubleQuoted(parts) => format!("\"{}\"", self.parts(parts)),
            Part::Parameter(p) => {
                let length = if p.length { "#" } else { "" };
                let indirect = if p.indirect { "!" } else { "" };
                let mut text = format!("<{length}{indirect}{}", p.name);
                if let Some(subscript) = &p.subscript {
                    text = format!("{text}[{}]", self.word(subscript));
                }
                if let Some((operation, word)) = &p.operation {
                    text += &format!(" {operation:?} {}", self.word(word))
                        .replace(" { colon: true }", ":");
                    for (field, sign) in [
                        (" { colon: false }", ""),
                        (" { suffix: false, longest: false }", "#"),
                        (" { suffix: false, longest: true }", "##"),
                        (" { suffix: true, longest: false }", "%"),
                        (" { suffix: true, longest: true }", "%%"),
                    ] {
                        text = text.replace(field, sign);
                    }
                }
                text + ">"
            }
            Part::Command(list) => format!("<${}>", self.list(list)),
            Part::Arithmetic(parts) => format!("<={}>", self.parts(parts)),
            Part::Process(list) => format!("<&{}>", self.list(list)),
            Part::Array(words) => format!("[{}]", self.words(words)),
            Part::Pattern(operator, words) => {
                let words: Vec<String> = words.iter().map(|word| self.word(word)).collect();
                format!("{operator}({})", words.join("|"))
            }
        };
        parts.iter().map(part).collect()
    }
}
