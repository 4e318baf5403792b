//! Users and their passwords, as a file has them: `NAME:$argon2id$...`, one a line.
//!
//! A password is held against its hash on a thread of its own, a few at a time: one hash takes
//! megabytes and milliseconds, and a stranger may ask for many.

use std::collections::HashMap;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordVerifier};
use tokio::sync::Semaphore;

/// Users and their passwords.
#[derive(Debug, Clone)]
pub struct Users {
    hashes: Arc<HashMap<String, String>>,
    at_once: Arc<Semaphore>,
}

/// Why a file of users cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsersFault {
    /// A line is not a name and a hash.
    #[error("line {line} is not NAME:$argon2id$...")]
    Line {
        /// Its number, from 1.
        line: usize,
    },
    /// A name is there twice.
    #[error("line {line} names a user that was named before")]
    Doubled {
        /// Its number, from 1.
        line: usize,
    },
}

impl Default for Users {
    fn default() -> Self {
        Self { hashes: Arc::default(), at_once: Arc::new(Semaphore::new(HASHES_AT_ONCE)) }
    }
}

impl Users {
    /// Reads a file of users. Empty lines, and those that begin with `#`, say nothing.
    ///
    /// # Errors
    /// Every line that cannot be read. No hash is repeated.
    pub fn parse(text: &str) -> Result<Self, Vec<UsersFault>> {
        let (mut hashes, mut faults) = (HashMap::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let line_number = at + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            match line.trim_end().split_once(':') {
                Some((name, hash)) if !name.is_empty() && is_hash(hash) => {
                    if hashes.insert(name.to_owned(), hash.to_owned()).is_some() {
                        faults.push(UsersFault::Doubled { line: line_number });
                    }
                }
                _ => faults.push(UsersFault::Line { line: line_number }),
            }
        }
        if faults.is_empty() {
            Ok(Self { hashes: Arc::new(hashes), ..Self::default() })
        } else {
            Err(faults)
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether this is the password of this user. A name that is not known takes as long.
    pub(crate) async fn knows(&self, name: &str, password: &[u8]) -> bool {
        let Ok(_turn) = self.at_once.acquire().await else { return false };
        let (hashes, name, password) =
            (Arc::clone(&self.hashes), name.to_owned(), password.to_owned());
        let verify = move || match hashes.get(&name).or_else(|| hashes.values().next()) {
            Some(hash) => verify(hash, &password) && hashes.contains_key(&name),
            None => false,
        };
        tokio::task::spawn_blocking(verify).await.unwrap_or(false)
    }
}

fn is_hash(text: &str) -> bool {
    text.starts_with("$argon2id$")
        && PasswordHash::new(text).is_ok_and(|hash| {
            let params = argon2::Params::try_from(&hash);
            hash.hash.is_some() && params.is_ok_and(|params| params.m_cost() <= MEMORY_KIB_MAX)
        })
}

fn verify(hash: &str, password: &[u8]) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// Passwords that are looked at together.
const HASHES_AT_ONCE: usize = 2;

/// Memory that one hash may ask for.
const MEMORY_KIB_MAX: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// `secret`, hashed with the smallest memory, as `argon2 -id -m 3 -t 1 -p 1` writes it.
    fn hash_of(password: &str) -> String {
        use argon2::password_hash::{PasswordHasher, SaltString};
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let argon = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let salt = SaltString::encode_b64(b"salt of a test").unwrap();
        argon.hash_password(password.as_bytes(), &salt).unwrap().to_string()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_known() {
        let file = format!("# people\n\nann:{}\nbob:{}\n", hash_of("secret"), hash_of("other"));
        let users = Users::parse(&file).unwrap();
        assert!(users.knows("ann", b"secret").await);
        for (name, password) in [("ann", "other"), ("bob", "secret"), ("eve", "secret"), ("", "")] {
            assert!(!users.knows(name, password.as_bytes()).await, "{name}");
        }
        assert!(!Users::default().knows("ann", b"secret").await);
    }

    #[test]
    fn every_bad_line_is_told_with_its_number() {
        let hash = hash_of("x");
        let file = format!("ann:{hash}\nann:{hash}\nplain\nbob:secret\n:{hash}\n");
        let faults = Users::parse(&file).unwrap_err();
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| match fault {
                UsersFault::Line { line } | UsersFault::Doubled { line } => *line,
            })
            .collect();
        assert_eq!(lines, [2, 3, 4, 5]);
    }
}
