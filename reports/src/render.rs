//! The template environment that Markdown and HTML share.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Value};

use crate::ReportError;
use crate::words;

/// Renders `template` under `name`, whose ending decides how values are escaped.
pub(crate) fn render(
    path: &Path,
    name: &str,
    template: &str,
    context: Value,
) -> Result<Vec<u8>, ReportError> {
    let render = || -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?;
        environment.set_syntax(syntax);
        environment.add_filter("prose", |text: &str| {
            Value::from_safe_string(html_prose(text))
        });
        environment.add_filter("md", markdown_prose);
        environment.add_filter("cell", |text: &str| {
            markdown_prose(text).replace('|', "\\|")
        });
        environment.add_filter("count", words::count);
        environment.add_filter("share", |ppm: u32| words::share(firedrill_core::Ppm(ppm)));
        environment.add_filter("milli", words::milli);
        environment.add_filter("time", |us: u64| words::time(firedrill_core::Micros(us)));
        environment.add_template(name, template)?;
        environment.get_template(name)?.render(context)
    };
    render()
        .map(String::into_bytes)
        .map_err(|source| ReportError::Render {
            path: path.to_owned(),
            source,
        })
}

/// Text with names in backticks as HTML: escaped, names in `<code>`, numbers glued to what
/// belongs to them.
fn html_prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 4);
    for (index, part) in text.split('`').enumerate() {
        let code = index % 2 == 1;
        html += if code { "<code>" } else { "" };
        escape_html(&mut html, part, code);
        html += if code { "</code>" } else { "" };
    }
    html
}

fn escape_html(html: &mut String, text: &str, code: bool) {
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            ' ' if !code && before.is_ascii_digit() && glues(&mut letters) => {
                html.push('\u{a0}');
            }
            ' ' if splits_a_time(html) && letters.peek().is_some_and(char::is_ascii_digit) => {
                html.push('\u{a0}');
            }
            letter => html.push(letter),
        }
        before = letter;
    }
}

/// Whether what follows a number and a space belongs to the number: `5 230`, `3 %`, `10 min`.
fn glues(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let word: String = rest
        .clone()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '%')
        .collect();
    let group = word.len() == 3 && word.chars().all(|letter| letter.is_ascii_digit());
    group || matches!(word.as_str(), "%" | "ms" | "s" | "min" | "h")
}

/// Whether a space here would stand in the middle of `1 h 02 min` or `3 min 10 s`.
fn splits_a_time(before: &str) -> bool {
    before.ends_with("\u{a0}h") || before.ends_with("\u{a0}min")
}

/// Text as Markdown: what Markdown would take for markup is escaped, names in backticks stay.
fn markdown_prose(text: &str) -> String {
    let mut markdown = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            markdown.push('`');
        }
        for letter in part.chars() {
            if index % 2 == 0 && matches!(letter, '*' | '[' | ']' | '<') {
                markdown.push('\\');
            }
            markdown.push(if letter == '\n' { ' ' } else { letter });
        }
    }
    markdown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_becomes_html() {
        let check = |text, expected: &str| assert_eq!(html_prose(text), expected);
        check("a <b> & `c<d`", "a &lt;b&gt; &amp; <code>c&lt;d</code>");
        check(
            "12 345 requests, 3 % in 10 min",
            "12\u{a0}345 requests, 3\u{a0}% in 10\u{a0}min",
        );
        check("in 3 regions", "in 3 regions");
        check("1 h 02 min on", "1\u{a0}h\u{a0}02\u{a0}min on");
    }

    #[test]
    fn prose_becomes_markdown() {
        assert_eq!(markdown_prose("*a* `b*c` <d>"), "\\*a\\* `b*c` \\<d>");
    }
}
