//! SQLAlchemy's database URL, as far as PyMySQL understands it.

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use super::DbError;

/// Where and how to connect.
pub(super) struct Target {
    pub options: MySqlConnectOptions,
    /// Host and port, or socket, for messages.
    pub place: String,
}

/// Parts of a URL by SQLAlchemy's grammar, which lets a password hold `/`, `?` and `#`.
#[derive(Debug, PartialEq, Default)]
struct Parts {
    username: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    query: Vec<(String, String)>,
}

/// Reads the URL.
///
/// # Errors
/// [`DbError::Url`] naming the part that is wrong.
pub(super) fn parse(url: &SecretString) -> Result<Target, DbError> {
    let parts = split(url.expose_secret())?;
    let host = parts.host.clone().unwrap_or_else(|| "localhost".into());
    let port = parts.port.unwrap_or(3306);
    let database = parts.database.filter(|name| !name.is_empty());
    let database = database.ok_or_else(|| DbError::Url("names no database".into()))?;
    let mut place = format!("{host}:{port}");
    let mut options = MySqlConnectOptions::new()
        .host(&host)
        .port(port)
        .database(&database)
        // Session state would pin the connection in ProxySQL.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .disable_statement_logging();
    if let Some(username) = &parts.username {
        options = options.username(username);
    }
    if let Some(password) = &parts.password {
        options = options.password(password);
    }
    let mut tls = Tls::default();
    for (name, value) in &parts.query {
        match name.as_str() {
            "charset" => options = options.charset(if value == "utf8mb3" { "utf8" } else { value }),
            "unix_socket" => {
                place.clone_from(value);
                options = options.socket(value);
            }
            "ssl_ca" => {
                options = options.ssl_ca(value);
                tls.ca = true;
            }
            "ssl_cert" => {
                options = options.ssl_client_cert(value);
                tls.wanted = true;
            }
            "ssl_key" => options = options.ssl_client_key(value),
            "ssl_verify_identity" | "ssl_check_hostname" => tls.identity = truth(value),
            "ssl_verify_cert" => tls.verify = Some(truth(value)),
            "ssl" => tls.wanted = truth(value),
            "ssl_disabled" => tls.disabled = truth(value),
            other => tracing::debug!(option = other, "[database]/connection: option has no effect here"),
        }
    }
    Ok(Target {
        options: options.ssl_mode(tls.mode()),
        place,
    })
}

/// PyMySQL's TLS options.
#[derive(Default)]
struct Tls {
    wanted: bool,
    disabled: bool,
    ca: bool,
    identity: bool,
    verify: Option<bool>,
}

impl Tls {
    /// A given CA is verified unless that is switched off; without any option TLS is used where
    /// the server offers it.
    fn mode(&self) -> MySqlSslMode {
        if self.disabled {
            MySqlSslMode::Disabled
        } else if self.identity {
            MySqlSslMode::VerifyIdentity
        } else if self.verify.unwrap_or(self.ca) {
            MySqlSslMode::VerifyCa
        } else if self.wanted || self.ca {
            MySqlSslMode::Required
        } else {
            MySqlSslMode::Preferred
        }
    }
}

fn truth(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "1" | "true" | "yes" | "on" | "required"
    )
}

fn split(url: &str) -> Result<Parts, DbError> {
    let wrong = |reason: &str| DbError::Url(reason.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("is no URL"))?;
    if !matches!(scheme.split('+').next(), Some("mysql" | "mariadb")) {
        return Err(DbError::Url(format!(
            "{scheme} is not supported, only mysql and mariadb are"
        )));
    }
    let mut parts = Parts::default();
    let rest = match credentials(rest) {
        Some((username, password, rest)) => {
            parts.username = Some(decode(username));
            parts.password = password.map(decode);
            rest
        }
        None => rest,
    };
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, ""), |(rest, query)| (rest, query));
    parts.query = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let (address, database) = rest
        .split_once('/')
        .map_or((rest, None), |(address, name)| (address, Some(name)));
    parts.database = database.map(str::to_owned);
    let (host, port) = if let Some(inner) = address.strip_prefix('[') {
        let (host, after) = inner
            .split_once(']')
            .ok_or_else(|| wrong("has an unclosed IPv6 address"))?;
        (host, after.strip_prefix(':'))
    } else {
        address
            .split_once(':')
            .map_or((address, None), |(host, port)| (host, Some(port)))
    };
    parts.host = (!host.is_empty()).then(|| host.to_owned());
    parts.port = match port.filter(|port| !port.is_empty()) {
        Some(port) => Some(
            port.parse()
                .map_err(|_| DbError::Url(format!("{port} is no port")))?,
        ),
        None => None,
    };
    Ok(parts)
}

/// User, password and the rest: the user has no `:` or `/`, the password no `@`.
fn credentials(rest: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = rest.find([':', '/', '@'])?;
    let (username, after) = rest.split_at(end);
    if let Some(rest) = after.strip_prefix('@') {
        return Some((username, None, rest));
    }
    let (password, rest) = after.strip_prefix(':')?.split_once('@')?;
    Some((username, Some(password), rest))
}

/// `%xx` decoded; `+` stays.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Parts {
        split(url).unwrap()
    }

    #[test]
    fn kollas_url() {
        let parts =
            parts("mysql+pymysql://magnum:p%40ss%2Fw+1@10.0.0.5:3306/magnum?charset=utf8&ssl_ca=/etc/ca.pem");
        assert_eq!(parts.username.as_deref(), Some("magnum"));
        assert_eq!(parts.password.as_deref(), Some("p@ss/w+1"));
        assert_eq!(
            (parts.host.as_deref(), parts.port),
            (Some("10.0.0.5"), Some(3306))
        );
        assert_eq!(parts.database.as_deref(), Some("magnum"));
        assert_eq!(
            parts.query,
            [
                ("charset".into(), "utf8".into()),
                ("ssl_ca".into(), "/etc/ca.pem".into())
            ]
        );
    }

    #[test]
    fn a_password_may_hold_what_urls_reserve() {
        let parts = parts("mysql://u:a/b?c#d:e@h/db");
        assert_eq!(
            (parts.password.as_deref(), parts.host.as_deref()),
            (Some("a/b?c#d:e"), Some("h"))
        );
    }

    #[test]
    fn ipv6_socket_and_absent_parts() {
        let six = parts("mariadb+pymysql://u@[fd00::1]:3307/db");
        assert_eq!(
            (six.host.as_deref(), six.port, six.password),
            (Some("fd00::1"), Some(3307), None)
        );
        let socket = parts("mysql:///db?unix_socket=/run/mysqld.sock");
        assert_eq!((socket.host, socket.database.as_deref()), (None, Some("db")));
        assert_eq!(
            parse(&"mysql:///db?unix_socket=/run/m.sock".into())
                .map(|t| t.place)
                .unwrap(),
            "/run/m.sock"
        );
    }

    #[test]
    fn refusals_name_the_part_and_never_the_password() {
        for (url, reason) in [
            ("sqlite:////x.db", "sqlite is not supported"),
            ("mysql://u:s3cret@h:port/db", "port is no port"),
            ("mysql://u:s3cret@h", "names no database"),
            ("nonsense", "is no URL"),
        ] {
            let text = parse(&url.into()).map(|_| ()).unwrap_err().to_string();
            assert!(text.contains(reason), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn tls_as_pymysql_reads_its_options() {
        let mode = |query: &str| {
            parse(&format!("mysql://u@h/db?{query}").into())
                .unwrap()
                .options
                .get_ssl_mode()
        };
        assert!(matches!(mode(""), MySqlSslMode::Preferred));
        assert!(matches!(mode("ssl_ca=/ca.pem"), MySqlSslMode::VerifyCa));
        assert!(matches!(
            mode("ssl_ca=/ca.pem&ssl_verify_cert=false"),
            MySqlSslMode::Required
        ));
        assert!(matches!(
            mode("ssl_ca=/ca.pem&ssl_verify_identity=true"),
            MySqlSslMode::VerifyIdentity
        ));
        assert!(matches!(mode("ssl_disabled=true"), MySqlSslMode::Disabled));
    }
}
