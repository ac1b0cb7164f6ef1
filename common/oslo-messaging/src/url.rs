//! Transport URLs: `driver://[user:password@]host[:port][,…]/virtual_host?option=value`, as oslo.messaging's
//! `transport.py` reads them.

use std::fmt;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use crate::ConfigError;

/// One broker.
#[derive(Clone)]
pub struct Host {
    /// Name or address; without brackets.
    pub name: String,
    /// Port; 5672 if the URL names none.
    pub port: u16,
    /// User; `guest` where the URL has no hosts.
    pub username: String,
    /// Password.
    pub password: SecretString,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

/// A parsed transport URL.
#[derive(Clone, Debug)]
pub struct TransportUrl {
    /// Brokers, at least one.
    pub hosts: Vec<Host>,
    /// Virtual host; `/` where the URL has `//` at its end, empty where it has one slash.
    pub virtual_host: String,
    /// Options of `[oslo_messaging_rabbit]` that the URL overrides.
    pub query: Vec<(String, String)>,
}

/// Port of AMQP; oslo.messaging uses it for TLS as well.
const DEFAULT_PORT: u16 = 5672;

impl TransportUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`ConfigError`] without the URL itself, which holds passwords.
    pub fn parse(url: &str) -> Result<Self, ConfigError> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| ConfigError::url("no scheme (rabbit://…) in it"))?;
        if !matches!(
            scheme.strip_prefix("kombu+").unwrap_or(scheme),
            "rabbit" | "amqp" | "kombu"
        ) {
            return Err(ConfigError::url(format!(
                "driver {scheme} is not supported, only rabbit"
            )));
        }
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (rest, query) = rest
            .split_once('?')
            .map_or((rest, ""), |(before, query)| (before, query));
        let (authority, path) = rest
            .split_once('/')
            .map_or((rest, ""), |(authority, path)| (authority, path));
        let mut hosts = Vec::new();
        for host in authority.split(',').filter(|host| !host.is_empty()) {
            hosts.push(parse_host(host)?);
        }
        if hosts.is_empty() {
            hosts.push(Host {
                name: "localhost".into(),
                port: DEFAULT_PORT,
                username: "guest".into(),
                password: "guest".into(),
            });
        }
        let virtual_host = decode(path)?;
        Ok(Self {
            hosts,
            // kombu takes an empty virtual host for the default one.
            virtual_host: if virtual_host.is_empty() {
                "/".into()
            } else {
                virtual_host
            },
            query: parse_query(query)?,
        })
    }
}

fn parse_host(text: &str) -> Result<Host, ConfigError> {
    let (credentials, address) = match text.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, text),
    };
    let (username, password) = match credentials.map(|c| c.split_once(':').unwrap_or((c, ""))) {
        Some((username, password)) => (decode(username)?, decode(password)?),
        None => (String::new(), String::new()),
    };
    let (name, port) = parse_address(address)?;
    Ok(Host {
        name,
        port,
        username,
        password: password.into(),
    })
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 address.
fn parse_address(text: &str) -> Result<(String, u16), ConfigError> {
    let port = |text: &str| {
        text.parse()
            .map_err(|_| ConfigError::url(format!("port {text:?} is not a number from 1 to 65535")))
    };
    if let Some(inner) = text.strip_prefix('[') {
        let (name, after) = inner
            .split_once(']')
            .ok_or_else(|| ConfigError::url("[ without ] in an address"))?;
        return Ok((
            name.to_owned(),
            after.strip_prefix(':').map_or(Ok(DEFAULT_PORT), port)?,
        ));
    }
    match text.split_once(':') {
        Some((name, rest)) if !rest.contains(':') => Ok((name.to_owned(), port(rest)?)),
        _ => Ok((text.to_owned(), DEFAULT_PORT)),
    }
}

/// As `parse_qs`: empty values do not count, repeated ones are joined by commas.
fn parse_query(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in text.split('&') {
        let Some((key, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            continue;
        };
        let (key, value) = (decode(&key.replace('+', " "))?, decode(&value.replace('+', " "))?);
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(&value);
            }
            None => pairs.push((key, value)),
        }
    }
    Ok(pairs)
}

fn decode(text: &str) -> Result<String, ConfigError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| ConfigError::url("percent-encoding that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn hosts(url: &str) -> Vec<(String, u16, String, String)> {
        TransportUrl::parse(url)
            .unwrap()
            .hosts
            .into_iter()
            .map(|h| (h.name, h.port, h.username, h.password.expose_secret().to_owned()))
            .collect()
    }

    #[test]
    fn kollas_url_with_several_hosts_and_the_virtual_host_slash() {
        let url = "rabbit://openstack:p%40s%3As@10.0.0.1:5672,openstack:x@10.0.0.2:5671//";
        assert_eq!(
            hosts(url),
            [
                ("10.0.0.1".into(), 5672, "openstack".into(), "p@s:s".into()),
                ("10.0.0.2".into(), 5671, "openstack".into(), "x".into()),
            ]
        );
        assert_eq!(TransportUrl::parse(url).unwrap().virtual_host, "/");
    }

    #[test]
    fn virtual_hosts() {
        for (url, expected) in [
            ("rabbit://h", "/"),
            ("rabbit://h/", "/"),
            ("rabbit://h//", "/"),
            ("rabbit://h/%2F", "/"),
            ("rabbit://h/magnum", "magnum"),
            ("rabbit://h/a%2Fb?ssl=1", "a/b"),
        ] {
            assert_eq!(TransportUrl::parse(url).unwrap().virtual_host, expected, "{url}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(
            hosts("rabbit://u@x:p@[::1]:1")[0],
            ("::1".into(), 1, "u@x".into(), "p".into())
        );
        assert_eq!(hosts("rabbit://[fe80::1]")[0].0, "fe80::1");
        assert_eq!(
            hosts("rabbit://")[0],
            ("localhost".into(), 5672, "guest".into(), "guest".into())
        );
        assert_eq!(
            hosts("rabbit://a,b:2").iter().map(|h| h.1).collect::<Vec<_>>(),
            [5672, 2]
        );
    }

    #[test]
    fn queries_override_options() {
        let url = TransportUrl::parse("rabbit://h/?rabbit_quorum_queue=true&a=1&a=2&empty=").unwrap();
        assert_eq!(
            url.query,
            [
                ("rabbit_quorum_queue".to_owned(), "true".to_owned()),
                ("a".to_owned(), "1,2".to_owned())
            ]
        );
    }

    #[test]
    fn errors_hold_no_password() {
        for url in [
            "secret@h",
            "kafka://u:secret@h",
            "rabbit://u:secret@h:many",
            "rabbit://u:secret@[h",
        ] {
            let message = TransportUrl::parse(url).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
