//! Certificates that change while the server runs: whole ones count for who comes then, broken ones change nothing.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;
mod in_memory;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConnection;
use rustls::version::TLS13;
use wavecast_net::tls::{ClientAuth, Part, Pem, ServerTls, ServerTlsOptions};

use self::certificates::{Authority, Certified, Folder};
use self::in_memory::shake_hands;

/// The certificate that a client gets to see.
fn shown(client: &mut ClientConnection, tls: &ServerTls) -> Vec<u8> {
    shake_hands(client, tls);
    client.peer_certificates().unwrap()[0].to_vec()
}

/// A client that resumes nothing: one that does is not shown a certificate.
fn forgetful(authority: &Authority) -> rustls::ClientConfig {
    let mut config = authority.trusting(None, &[&TLS13]);
    config.resumption = rustls::client::Resumption::disabled();
    config
}

fn der(pem: &str) -> Vec<u8> {
    Pem::text(pem).certificates().unwrap()[0].to_vec()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn options(chain: &Path, key: &Path) -> ServerTlsOptions {
    ServerTlsOptions {
        check_interval: Duration::from_millis(10),
        ..ServerTlsOptions::new(Pem::file(chain), Pem::file(key))
    }
}

#[test]
fn a_pair_half_written_is_not_believed_and_a_whole_one_is() {
    let authority = Authority::new("reload");
    let (first, second) = (authority.server("localhost"), authority.server("localhost"));
    let folder = Folder::new("tls-reload");
    let (chain, key) = (folder.write("tls.crt", &first.chain), folder.write("tls.key", &first.key));
    let tls = ServerTls::new(options(&chain, &key)).unwrap();
    let config = Arc::new(forgetful(&authority));
    let client = || ClientConnection::new(Arc::clone(&config), "localhost".try_into().unwrap()).unwrap();
    let mut open = client();
    assert_eq!(shown(&mut open, &tls), der(&first.chain));
    // The new certificate is there and its key is not; then half of the key; then all of it.
    for key in [None, Some(&second.key[..second.key.len() / 2])] {
        fs::write(&chain, &second.chain).unwrap();
        key.into_iter().for_each(|half| drop(folder.write("tls.key", half)));
        for _ in 0..20 {
            assert_eq!(shown(&mut client(), &tls), der(&first.chain), "the old pair stays in use");
            std::thread::sleep(Duration::from_millis(3));
        }
    }
    fs::write(&key, &second.key).unwrap();
    eventually("the new pair is shown", || shown(&mut client(), &tls) == der(&second.chain));
    // A file that is gone changes nothing, and one that comes back is read.
    fs::remove_file(&chain).unwrap();
    for _ in 0..10 {
        assert_eq!(shown(&mut client(), &tls), der(&second.chain));
        std::thread::sleep(Duration::from_millis(3));
    }
    fs::write(&chain, &first.chain).unwrap();
    fs::write(&key, &first.key).unwrap();
    eventually("and the first again", || shown(&mut client(), &tls) == der(&first.chain));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_that_is_swapped_is_followed() {
    let authority = Authority::new("links");
    let pairs = [authority.server("localhost"), authority.server("localhost")];
    let folder = Folder::new("tls-links");
    // As secrets are mounted in Kubernetes: tls.crt -> ..data/tls.crt, ..data -> a folder of the time.
    for (n, Certified { chain, key }) in pairs.iter().enumerate() {
        fs::create_dir(folder.0.join(format!("time{n}"))).unwrap();
        folder.write(&format!("time{n}/tls.crt"), chain);
        folder.write(&format!("time{n}/tls.key"), key);
    }
    let link = |from: &str, to: &str| std::os::unix::fs::symlink(from, folder.0.join(to)).unwrap();
    link("time0", "..data");
    link("..data/tls.crt", "tls.crt");
    link("..data/tls.key", "tls.key");
    let tls = ServerTls::new(options(&folder.0.join("tls.crt"), &folder.0.join("tls.key"))).unwrap();
    let config = Arc::new(forgetful(&authority));
    let client = || ClientConnection::new(Arc::clone(&config), "localhost".try_into().unwrap()).unwrap();
    assert_eq!(shown(&mut client(), &tls), der(&pairs[0].chain));
    link("time1", "..data_tmp");
    fs::rename(folder.0.join("..data_tmp"), folder.0.join("..data")).unwrap();
    eventually("the link is followed", || shown(&mut client(), &tls) == der(&pairs[1].chain));
}

#[test]
fn sessions_outlive_a_certificate_but_not_the_authorities_of_clients() {
    let authority = Authority::new("outlive");
    let other = Authority::new("new authority");
    let folder = Folder::new("tls-outlive");
    let (first, second) = (authority.server("localhost"), authority.server("localhost"));
    let (chain, key) = (folder.write("tls.crt", &first.chain), folder.write("tls.key", &first.key));
    let ca = folder.write("ca.crt", &authority.pem());
    let tls = ServerTls::new(ServerTlsOptions {
        client_auth: ClientAuth::Required(Pem::file(&ca)),
        ..options(&chain, &key)
    })
    .unwrap();
    let ann = authority.client("ann");
    let config = Arc::new(authority.trusting(Some(&ann), &[&TLS13]));
    let client = || ClientConnection::new(Arc::clone(&config), "localhost".try_into().unwrap()).unwrap();
    let resumed = |client: &mut ClientConnection| {
        shown(client, &tls);
        client.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    };
    assert_eq!((resumed(&mut client()), resumed(&mut client())), (false, true));
    fs::write(&chain, &second.chain).unwrap();
    fs::write(&key, &second.key).unwrap();
    tls.reload().unwrap();
    assert!(resumed(&mut client()), "a renewed certificate costs nobody a whole handshake");
    // Ann's authority is gone: what it vouched for before does not let her in.
    fs::write(&ca, other.pem()).unwrap();
    tls.reload().unwrap();
    let mut session = tls.session().unwrap();
    let mut client = client();
    let (mut plain, mut answer, mut refused) = (Vec::new(), Vec::new(), false);
    for _ in 0..4 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        refused |= session.receive(&mut wire, &mut plain, &mut answer).is_err();
        let bytes = std::mem::take(&mut answer);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            drop(client.process_new_packets());
        }
    }
    assert!(refused);
}

#[test]
fn what_is_wrong_is_named_by_its_file_and_never_shown() {
    let authority = Authority::new("wrong");
    let (good, other) = (authority.server("localhost"), authority.server("localhost"));
    let folder = Folder::new("tls-wrong");
    let (chain, key) = (folder.write("good.crt", &good.chain), folder.write("good.key", &good.key));
    let other_key = folder.write("other.key", &other.key);
    let nothing = folder.write("nothing.pem", "s3cret");
    let absent = folder.0.join("absent.pem");
    let table = [
        (&absent, &key, Part::Certificate, "absent.pem) names a file that cannot be read: entity not found"),
        (&key, &key, Part::Certificate, "good.key) holds no certificate (BEGIN CERTIFICATE)"),
        (
            &chain,
            &chain,
            Part::Key,
            "good.crt) holds no private key (BEGIN PRIVATE KEY, RSA PRIVATE KEY or EC",
        ),
        (&chain, &nothing, Part::Key, "nothing.pem) is not well-formed PEM"),
        (&chain, &other_key, Part::Key, "other.key) is not the key of the certificate"),
    ];
    for (chain, key, part, text) in table {
        let error = ServerTls::from_files(chain, key).unwrap_err();
        assert_eq!(error.part, part);
        assert!(error.to_string().contains(text), "{error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    let error = ServerTls::new(ServerTlsOptions {
        client_auth: ClientAuth::Required(Pem::file(&nothing)),
        ..options(&chain, &key)
    })
    .unwrap_err();
    assert_eq!(error.part, Part::ClientAuthorities);
}
