//! Random templates: expressions over all functions, and the actions around them.

use super::functions::{ANY, BOOL, LIST, NUMBER, TABLE, TEXT};
use super::{Dice, values};

/// A template of a few statements.
pub fn template(dice: &mut Dice) -> String {
    let mut out = String::new();
    let mut scope = vec!["$".to_owned()];
    for _ in 0..=dice.below(3) {
        statement(dice, &mut out, &mut scope, 2);
    }
    if dice.chance(3) {
        damage(dice, &mut out);
    }
    out
}

/// Breaks the syntax somewhere.
fn damage(dice: &mut Dice, out: &mut String) {
    let at = dice.below(out.chars().count());
    let odd = *dice.pick(&[
        "{{",
        "}}",
        "{{ end }}",
        "{{ else }}",
        "(",
        ")",
        "|",
        "\"",
        "`",
        ".",
        "$",
        ",",
        ":=",
        "=",
        "{{/*",
        "'",
        "{{ break }}",
        "{{- ",
        " -}}",
        "\n",
        "%",
        "0x",
        "nil",
    ]);
    let byte = out.char_indices().nth(at).map_or(0, |(byte, _)| byte);
    out.insert_str(byte, odd);
}

fn open(dice: &mut Dice) -> &'static str {
    if dice.chance(20) { "{{- " } else { "{{ " }
}

fn close(dice: &mut Dice) -> &'static str {
    if dice.chance(20) { " -}}" } else { " }}" }
}

fn literal_text(dice: &mut Dice, out: &mut String) {
    out.push_str(dice.word(&["x", " ", "\n", "  y\n", " - ", "\t", "<a>", "é", "\n\n", "#"]));
}

fn action(dice: &mut Dice, out: &mut String, text: &str) {
    let (open, close) = (open(dice), close(dice));
    out.push_str(&format!("{open}{text}{close}"));
}

fn body(dice: &mut Dice, out: &mut String, scope: &mut Vec<String>, depth: usize) {
    let mark = scope.len();
    for _ in 0..=dice.below(2) {
        statement(dice, out, scope, depth);
    }
    scope.truncate(mark);
}

fn statement(dice: &mut Dice, out: &mut String, scope: &mut Vec<String>, depth: usize) {
    if dice.chance(30) {
        literal_text(dice, out);
    }
    let choice = if depth == 0 { dice.below(8) } else { dice.below(16) };
    match choice {
        8 => {
            let condition = pipeline(dice, scope, 'b', 2);
            action(dice, out, &format!("if {condition}"));
            body(dice, out, scope, depth - 1);
            if dice.chance(30) {
                let other = pipeline(dice, scope, 'a', 1);
                action(dice, out, &format!("else if {other}"));
                body(dice, out, scope, depth - 1);
            }
            if dice.chance(50) {
                action(dice, out, "else");
                body(dice, out, scope, depth - 1);
            }
            action(dice, out, "end");
        }
        9 => {
            let value = pipeline(dice, scope, 'a', 2);
            let name = variable(dice, scope, 30);
            action(
                dice,
                out,
                &format!(
                    "with {}{value}",
                    name.map_or(String::new(), |name| format!("{name} := "))
                ),
            );
            out.push_str("{{ toJson . }}");
            body(dice, out, scope, depth - 1);
            if dice.chance(40) {
                let other = if dice.chance(20) { "else with .x2" } else { "else" };
                action(dice, out, other);
                body(dice, out, scope, depth - 1);
            }
            action(dice, out, "end");
        }
        10 | 11 => range(dice, out, scope, depth),
        12 => {
            let (name, value) = (format!("t{}", dice.below(3)), expression(dice, scope, 'a', 1));
            let kind = dice.below(4);
            if kind == 0 {
                action(dice, out, &format!("block \"{name}\" {value}"));
            } else {
                action(dice, out, &format!("define \"{name}\""));
            }
            out.push_str("<{{ kindOf . }}>");
            literal_text(dice, out);
            out.push_str("{{ end }}");
            match kind {
                1 => action(dice, out, &format!("template \"{name}\" {value}")),
                2 => action(dice, out, &format!("include \"{name}\" {value} | quote")),
                3 => action(
                    dice,
                    out,
                    &format!("tpl \"[{{{{ template \\\"{name}\\\" . }}}}]\" {value}"),
                ),
                _ => {}
            }
        }
        13 => out.push_str(dice.word(&[
            "{{/* note */}}",
            "{{- /* note */ -}}",
            " {{- /* a\nb */}} ",
            "{{/**/ -}}",
        ])),
        14 => {
            let text = *dice.pick(&[
                "{{ .Values.s1 }}",
                "{{ . | toJson }}",
                "{{ range .Values.l1 }}{{ . }},{{ end }}",
                "{{ .Values.missing.x }}",
                "{{ include \"t0\" . }}",
                "{{ define \"t9\" }}T{{ end }}{{ template \"t9\" }}",
                "{{ fail \"no\" }}",
                "{{ .nope }}",
                "{{ $x := 1 }}{{ $x }}",
                "{{",
                "<no value>{{ .nope }}",
            ]);
            let subject = expression(dice, scope, 'a', 1);
            let subject = if dice.chance(60) { "$".to_owned() } else { subject };
            action(dice, out, &format!("tpl {} {subject}", values::quoted(text)));
        }
        15 => {
            let name = variable(dice, scope, 100).unwrap_or_default();
            let value = pipeline(dice, scope, 'a', 2);
            action(dice, out, &format!("{name} := {value}"));
            if dice.chance(40) {
                let other = pipeline(dice, scope, 'a', 1);
                action(dice, out, &format!("{name} = {other}"));
            }
            out.push_str(&format!("{{{{ {name} | toString }}}}"));
        }
        _ => {
            let kind = *dice.pick(&['s', 's', 'i', 'b', 'l', 'd', 'a']);
            let mut text = pipeline(dice, scope, kind, 3);
            if kind != 's' && dice.chance(40) {
                text.push_str(dice.word(&[
                    " | toJson",
                    " | toYaml",
                    " | quote",
                    " | kindOf",
                    " | typeOf",
                    " | toString",
                    " | len",
                    " | default \"none\"",
                    " | print",
                    " | printf \"%v %T\" 1",
                    " | printf \"%q\"",
                    " | toToml",
                ]));
            }
            action(dice, out, &text);
        }
    }
}

fn range(dice: &mut Dice, out: &mut String, scope: &mut Vec<String>, depth: usize) {
    let over = *dice.pick(&['l', 'l', 'd', 'i', 'a']);
    let subject = pipeline(dice, scope, over, 2);
    let mark = scope.len();
    let head = match dice.below(4) {
        0 => {
            scope.extend(["$k".to_owned(), "$v".to_owned()]);
            format!("range $k, $v := {subject}")
        }
        1 => {
            scope.push("$e".to_owned());
            format!("range $e := {subject}")
        }
        _ => format!("range {subject}"),
    };
    action(dice, out, &head);
    out.push_str("{{ toJson . }},");
    if dice.chance(20) {
        let condition = expression(dice, scope, 'b', 1);
        let word = *dice.pick(&["break", "continue"]);
        out.push_str(&format!("{{{{ if {condition} }}}}{{{{ {word} }}}}{{{{ end }}}}"));
    }
    body(dice, out, scope, depth - 1);
    scope.truncate(mark);
    if dice.chance(30) {
        action(dice, out, "else");
        literal_text(dice, out);
    }
    action(dice, out, "end");
}

/// A new variable in `percent` of 100 cases.
fn variable(dice: &mut Dice, scope: &mut Vec<String>, percent: u32) -> Option<String> {
    dice.chance(percent).then(|| {
        let name = format!("$v{}", dice.below(4));
        scope.push(name.clone());
        name
    })
}

/// An expression, now and then with its last argument piped in.
fn pipeline(dice: &mut Dice, scope: &[String], kind: char, depth: usize) -> String {
    if depth > 0 && dice.chance(35) {
        let (name, kinds) = function(dice, kind);
        let mut kinds: Vec<char> = spread(dice, kinds);
        if name != "printf"
            && let Some(last) = kinds.pop()
        {
            let input = pipeline(dice, scope, last, depth - 1);
            let arguments: Vec<String> = kinds
                .iter()
                .map(|kind| argument(dice, scope, *kind, depth - 1))
                .collect();
            return format!("{input} | {name} {}", arguments.join(" "))
                .trim_end()
                .to_owned();
        }
    }
    expression(dice, scope, kind, depth)
}

fn function(dice: &mut Dice, kind: char) -> (&'static str, &'static str) {
    let table = match kind {
        's' => TEXT,
        'i' | 'f' => NUMBER,
        'b' => BOOL,
        'l' | 'L' => LIST,
        'd' => TABLE,
        _ => *dice.pick(&[TEXT, NUMBER, BOOL, LIST, TABLE, ANY, ANY, ANY]),
    };
    *dice.pick(table)
}

/// The kinds of a call's arguments; sometimes one too few or too many.
fn spread(dice: &mut Dice, kinds: &str) -> Vec<char> {
    let mut spread: Vec<char> = kinds.trim_end_matches('*').chars().collect();
    if kinds.ends_with('*')
        && let Some(last) = spread.last().copied()
    {
        spread.extend(std::iter::repeat_n(last, dice.below(3)));
    }
    if dice.chance(1) {
        spread.pop();
    } else if dice.chance(1) {
        spread.push('a');
    }
    spread
}

fn expression(dice: &mut Dice, scope: &[String], kind: char, depth: usize) -> String {
    let special = !matches!(kind, 's' | 'i' | 'f' | 'b' | 'l' | 'L' | 'd' | 'a');
    if depth == 0 || special || dice.chance(30) {
        return leaf(dice, scope, kind);
    }
    let (name, kinds) = function(dice, kind);
    if name == "printf" {
        return format(dice, scope);
    }
    let arguments: Vec<String> = spread(dice, kinds)
        .into_iter()
        .map(|kind| argument(dice, scope, kind, depth - 1))
        .collect();
    format!("{name} {}", arguments.join(" ")).trim_end().to_owned()
}

fn argument(dice: &mut Dice, scope: &[String], kind: char, depth: usize) -> String {
    // Now and then something of another kind.
    let kind = if dice.chance(4) {
        *dice.pick(&['s', 'i', 'l', 'd', 'a', 'b'])
    } else {
        kind
    };
    let text = expression(dice, scope, kind, depth);
    let whole = text.starts_with(['(', '`']) || is_one_literal(&text) || !text.contains(' ');
    if whole { text } else { format!("({text})") }
}

fn is_one_literal(text: &str) -> bool {
    serde_json::from_str::<String>(text).is_ok()
}

/// A call of printf; without `%#v` (Go syntax), which our printf does not write.
fn format(dice: &mut Dice, scope: &[String]) -> String {
    const VERBS: &[&str] = &[
        "%s", "%d", "%v", "%q", "%5d", "%-5s|", "%05.2f", "%x", "%X", "%t", "%T", "%+v", "%e", "%g", "%c",
        "%U", "%o", "%b", "%%", "%6.3s", "%*d", "%!", "%z", "% d", "%+d", "%08b", "%.2f", "%3c", "%#x",
        "%-08d", "%[1]v", "%.3g", "%G", "%#q", "%p0",
    ];
    let count = 1 + dice.below(3);
    let verbs: Vec<&str> = (0..count).map(|_| *dice.pick(VERBS)).collect();
    let given = if dice.chance(90) { count } else { dice.below(4) };
    let arguments: Vec<String> = (0..given)
        .map(|_| {
            let kind = *dice.pick(&['s', 'i', 'f', 'a']);
            argument(dice, scope, kind, 1)
        })
        .collect();
    format!(
        "printf {} {}",
        values::quoted(&verbs.join(" ")),
        arguments.join(" ")
    )
    .trim_end()
    .to_owned()
}

fn leaf(dice: &mut Dice, scope: &[String], kind: char) -> String {
    if dice.chance(8) && scope.len() > 1 {
        return dice.pick(scope).clone();
    }
    if dice.chance(3) {
        return (*dice.pick(&[
            ".",
            "$",
            "$.Values.s1",
            "$.Values.nil",
            ".Values.missing",
            "$.Release.Name",
            "$.Chart.Version",
            "$.Values.d1.a.b",
            "nil",
            "$.Capabilities.KubeVersion.Version",
            "$.Files",
            "$.Chart",
            "$.Values.d2.c.d",
            "($.Values.d2).a",
            "$.Template.Name",
            "true",
            "'x'",
            "1.5e3",
            "0x1F",
            "1_000",
        ]))
        .to_owned();
    }
    let value = |dice: &mut Dice, names: &[&str]| format!("$.Values.{}", dice.pick(names));
    match kind {
        's' if dice.chance(50) => literal(dice),
        's' => value(dice, &["s1", "s2", "s1", "s2", "x2"]),
        'i' if dice.chance(70) => (*dice.pick(&["0", "1", "2", "3", "5", "8", "10", "-1", "-3", "16", "100", "0x10", "0o17", "1_0", "'a'"])).to_owned(),
        'i' => value(dice, &["n1", "n2", "n1", "x2"]),
        'f' if dice.chance(70) => (*dice.pick(&["0", "1.5", "-2.25", "3.14159", "1e3", "1e21", "0.1", "2", "1e-7", "123456789.125", "100.0"])).to_owned(),
        'f' => value(dice, &["n1", "n2", "x2"]),
        'b' => (*dice.pick(&["true", "false", "$.Values.b1", "$.Values.x2", "$.Values.l1"])).to_owned(),
        'l' | 'L' if dice.chance(40) => (*dice.pick(&["(list 1 2 3)", "(list \"b\" \"a\" \"c\")", "(list)", "(list 1 \"a\" nil true)", "(until 3)", "(list 1.5 2 \"2\" 2.0)", "(list (list 1) (dict \"a\" 1))", "(keys $.Values.d1 | sortAlpha)", "(values (pick $.Values.d2 \"a\"))", "(splitList \",\" \"x,y,z\")", "(tuple \"a\" \"a\")"])).to_owned(),
        'l' | 'L' => value(dice, &["l1", "l2", "l1", "x1"]),
        'd' if dice.chance(30) => (*dice.pick(&["(dict)", "(dict \"a\" 1 \"b\" (list 1))", "(dict \"k\" (dict \"k\" nil))", "(dict \"a\" \"\" \"c\" (dict \"d\" 0))", "(dict \"scheme\" \"https\" \"host\" \"h:80\" \"path\" \"/p q\" \"query\" \"a=1\" \"fragment\" \"f\" \"userinfo\" \"u:p\")", "(dict \"x\" true \"y\" 1.0)"])).to_owned(),
        'd' => value(dice, &["d1", "d2", "d1", "d2", "x1"]),
        'k' => (*dice.pick(&["\"a\"", "\"b\"", "\"c\"", "\"k\"", "\"name\"", "\"\"", "\"d\"", "\"x.y\"", "\"missing\"", "\"a b\""])).to_owned(),
        'x' => pattern(dice),
        'v' => (*dice.pick(&["\"1.2.3\"", "\"v1.2.3\"", "\"1.2\"", "\"1\"", "\"1.2.3-rc.1\"", "\"1.2.3+b.7\"", "\"2.0.0-alpha\"", "\"1.2.3-0\"", "\"x\"", "\"\"", "\"1.2.3.4\"", "\"01.2.3\"", "\"1.30.4\"", "$.Values.s1", "$.Capabilities.KubeVersion.Version"])).to_owned(),
        'c' => (*dice.pick(&["\">=1.2\"", "\"^1.2.0\"", "\"~1.2\"", "\"1.x\"", "\">1 <2 || >3\"", "\">=1.19-0\"", "\"!=1.2.3\"", "\"1.2.3 - 2\"", "\"*\"", "\"\"", "\"=1.2.3\"", "\"=>1\"", "\"^0.0.3\"", "\"~>1.2, <2\"", "\"x\"", "\">=\"", "\">= 1.2 , < 2.0-0\"", "\"^1.2.3-beta\"", "\"<1.2.3\"", "\"<=1\"", "\"~1\"", "\"1.2.3\""])).to_owned(),
        't' => values::quoted(dice.word(&["2006-01-02", "2006-01-02T15:04:05Z07:00", "Mon Jan _2 15:04:05 2006", "02/01/06 03:04PM MST", "15:04:05.000", "Monday, January 2 -0700", "2006", "", "Jan 2, 2006 at 3:04pm (MST)", "002 06", "15h", ".999 ,000000 Z0700 -07:00:00", "pm PM __2"])),
        'T' => (*dice.pick(&["(toDate \"2006-01-02\" \"2023-07-15\")", "(toDate \"2006-01-02T15:04:05Z07:00\" \"2024-02-29T23:59:58+02:00\")", "0", "1700000000", "(int64 1700000000)", "(toDate \"2006\" \"x\")", "$.Values.n1", "(dateModify \"-36h\" (toDate \"2006-01-02 15:04\" \"1999-12-31 23:30\"))", "$.Values.s1"])).to_owned(),
        'z' => values::quoted(dice.word(&["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Local", "", "Nowhere/X", "Australia/Lord_Howe", "EST", "Pacific/Apia"])),
        'n' => values::quoted(dice.word(&["1h", "-1.5h", "90s", "2h45m", "1h30m10.5s", "x", "", "48h", "-36h15m", "400h", "9000h", "1ms", "100000h"])),
        'y' => {
            let text = if dice.chance(50) { values::document(dice) } else { values::any(dice, 2) };
            values::quoted(&text)
        }
        'j' => json(dice),
        'u' => values::quoted(dice.word(&["https://user:pw@example.com:8080/p/a%20b?q=1&r=2#frag", "http://h", "/a/b", "mailto:a@b.c", "http://[::1]:80/x", "a:b:c", ":x", "http://h:x/", "//h/p", "?q", "#f", "http://h/%zz", "http://a b/", "", "http://u@h/é?ü#ö", "HTTP://H/P", "http://h/a;b?c;d", "x y", "1http://a", "http://h?x=%41", "http://h/%2Fa/b"])),
        _ => match dice.below(8) {
            0 | 1 => literal(dice),
            2 => (*dice.pick(&["0", "1", "2.5", "-7", "1e3", "true", "false", "(list)", "(dict)", "(list 1 2)", "(dict \"a\" 1)", "\"\""])).to_owned(),
            _ => value(dice, &["x1", "x2", "x1", "x2", "s1", "n1", "n2", "b1", "l1", "d1", "d2", "nil", "missing"]),
        },
    }
}

/// A text as a Go literal.
fn literal(dice: &mut Dice) -> String {
    let text = *dice.pick(values::TEXTS);
    if dice.chance(15) && !text.contains(['`', '\r']) {
        return format!("`{text}`");
    }
    let mut out = values::quoted(text);
    if dice.chance(2) {
        out.insert_str(
            1,
            dice.word(&["\\x41", "\\101", "\\a", "\\u00e9", "\\U0001F600", "\\q", "\\xff"]),
        );
    }
    out
}

fn pattern(dice: &mut Dice) -> String {
    values::quoted(dice.word(&[
        "a",
        "[a-z]+",
        "^[A-Z]",
        "(a)(b)?",
        "\\d+",
        "\\w*\\s",
        "(?i)HELLO",
        "x*",
        "",
        "[",
        "(",
        "a{2,1}",
        "\\p{L}+",
        "[^a]",
        "(?P<n>o)",
        "$",
        "\\bfoo\\b",
        "a|b",
        ".",
        "(?s).",
        "\\",
        "*",
        "a**",
        "(?=x)",
        "[[:alpha:]]+",
        "\\pN",
        "a{1001}",
        "(?m)^.",
        "[z-a]",
        "\\8",
        "\\Qa.b\\E",
        "(?<n>x)",
        "x{,2}",
        "\\x{41}",
        "[\\d-x]",
        "a??",
        "(?U)a+",
        ")",
        "\\z",
        "\\C",
        "\\pX",
        "(?P<n>",
        "(?z)",
        "a{1,2}{3}",
    ]))
}

fn json(dice: &mut Dice) -> String {
    let text = *dice.pick(&[
        "{\"a\": 1, \"b\": [true, null, 1.5]}",
        "[1, \"x\", {\"y\": 2}]",
        "\"text\"",
        "12",
        "1e3",
        "null",
        "true",
        "{",
        "{\"a\":}",
        "[1,]",
        "nul",
        "",
        " ",
        "{\"a\":1}x",
        "{'a':1}",
        "\"\\u00e9\\n\"",
        "\"\\ud800\"",
        "01",
        "1.",
        "-",
        "tru",
        "\"a",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{1:2}",
        "\"\\x\"",
        "\u{1}",
        "9007199254740993",
        "1e400",
        "{\"b\":2,\"a\":{\"c\":[]}}",
        "[",
        "]",
        "{\"a\":1 \"b\":2}",
        "\"\t\"",
        "-0",
        "[1]]",
        "{}",
        "[]",
        "\"\\u12\"",
        "é",
        "+1",
        ".5",
        "NaN",
    ]);
    values::quoted(text)
}
