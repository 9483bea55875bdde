//! `[[ … ]]` (bash, ksh).

use super::Parser;
use super::word::Parts;
use crate::ast::{Part, Test, Word};
use crate::error::ErrorKind;

impl Parser<'_, '_> {
    /// Behind `[[`, up to and with `]]`.
    pub(super) fn test(&mut self) -> Test {
        let test = self.any_test();
        self.skip_lines();
        if !self.cursor.take_word("]]") {
            if self.cursor.at_end() {
                self.fail(ErrorKind::Unclosed { opened: "[[" });
            } else {
                self.unexpected();
            }
        }
        test
    }

    fn any_test(&mut self) -> Test {
        let mut tests = vec![self.all_tests()];
        while {
            self.skip_lines();
            self.cursor.take("||")
        } {
            tests.push(self.all_tests());
        }
        one_or(tests, Test::Any)
    }

    fn all_tests(&mut self) -> Test {
        let mut tests = vec![self.one_test()];
        while {
            self.skip_lines();
            self.cursor.take("&&")
        } {
            tests.push(self.one_test());
        }
        one_or(tests, Test::All)
    }

    fn one_test(&mut self) -> Test {
        self.skip_lines();
        let mut negated = false;
        while self.cursor.take_word("!") {
            negated = !negated;
            self.skip_lines();
        }
        let test = if self.cursor.take("(") {
            let inner = self.deeper(|parser| Some(parser.any_test()));
            self.skip_lines();
            self.close(")", "(");
            inner.unwrap_or(Test::Word(Word::default()))
        } else {
            self.comparison()
        };
        if negated {
            Test::Not(Box::new(test))
        } else {
            test
        }
    }

    fn comparison(&mut self) -> Test {
        if self.cursor.bare_word() == "]]" {
            self.unexpected();
        }
        let left = self.required_word();
        self.skip_lines();
        if self.test_ends() {
            return Test::Word(left);
        }
        let unary = left.bare().is_some_and(
            |text| matches!(text.as_bytes(), [b'-', letter] if letter.is_ascii_alphabetic()),
        );
        if unary {
            let operator = left.bare().unwrap_or_default().to_owned();
            return Test::Unary(operator, self.required_word());
        }
        let operator = if self.cursor.take("<") {
            "<".to_owned()
        } else if self.cursor.take(">") {
            ">".to_owned()
        } else {
            let word = self.required_word();
            word.bare().unwrap_or_default().to_owned()
        };
        self.cursor.skip_blanks();
        let right = if operator == "=~" {
            self.regular_expression()
        } else {
            self.required_word()
        };
        Test::Binary(left, operator, right)
    }

    fn test_ends(&self) -> bool {
        self.cursor.bare_word() == "]]"
            || self.cursor.starts_with("&&")
            || self.cursor.starts_with("||")
            || matches!(self.cursor.peek(), None | Some(b')'))
    }

    /// A regular expression: brackets and bars are characters like others, and blanks too within brackets.
    fn regular_expression(&mut self) -> Word {
        let line = self.cursor.line();
        let mut parts = Parts::default();
        let mut open = 0_usize;
        loop {
            let plain = self.cursor.until(|b| {
                matches!(b, b' ' | b'\t' | b'\n' | b'(' | b')' | b'&' | b';')
                    || matches!(b, b'\'' | b'"' | b'\\' | b'$' | b'`')
            });
            parts.text(plain);
            match self.cursor.peek() {
                Some(b'(') => open += 1,
                Some(b')') if open > 0 => open -= 1,
                Some(b' ' | b'\t' | b'\n') if open > 0 => {}
                Some(b @ (b'\'' | b'"' | b'\\' | b'$' | b'`')) => {
                    self.quote(b, &mut parts);
                    continue;
                }
                _ => break,
            }
            let c = self.cursor.character().unwrap_or_default();
            parts.text(c.encode_utf8(&mut [0; 4]));
        }
        let parts = parts.finish();
        if parts.is_empty() {
            self.unexpected();
            return Word {
                line,
                parts: vec![Part::Literal(String::new())],
            };
        }
        Word { line, parts }
    }
}

fn one_or(mut tests: Vec<Test>, join: impl FnOnce(Vec<Test>) -> Test) -> Test {
    match tests.pop() {
        Some(only) if tests.is_empty() => only,
        Some(last) => {
            tests.push(last);
            join(tests)
        }
        None => join(tests),
    }
}
