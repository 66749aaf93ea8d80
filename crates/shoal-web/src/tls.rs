//! HTTPS with a certificate that this device signs itself. It is kept, so that a browser that was told to trust it goes on doing so.

use data_encoding::HEXUPPER;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _};
use std::{fs, io, net::IpAddr, path::Path, sync::Arc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        version::TLS13,
    },
};

/// The certificate and its key in the data folder.
const CERTIFICATE: &str = "web-certificate.der";
const KEY: &str = "web-key.der";

/// What encrypts connections, and what a person compares before trusting the certificate.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the certificate as browsers show it.
    pub(crate) fingerprint: String,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({})", self.fingerprint)
    }
}

impl Tls {
    /// The certificate that is kept in `data_dir`, or a new one for these addresses.
    ///
    /// # Errors
    /// It cannot be read, made or kept.
    pub(crate) fn load_or_make(data_dir: &Path, addresses: &[IpAddr]) -> io::Result<Self> {
        let (certificate, key) = match (fs::read(data_dir.join(CERTIFICATE)), fs::read(data_dir.join(KEY))) {
            (Ok(certificate), Ok(key)) if belong_together(&certificate, &key) => (certificate, key),
            (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => make(data_dir, addresses)?,
        };
        let digest = ring::digest::digest(&ring::digest::SHA256, &certificate);
        let fingerprint: Vec<String> = digest.as_ref().iter().map(|byte| HEXUPPER.encode(&[*byte])).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![CertificateDer::from(certificate)], key));
        let mut config = config.map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: Arc::new(config).into(), fingerprint: fingerprint.join(":") })
    }
}

/// A kill between the two writes leaves a new key with an old certificate.
fn belong_together(certificate: &[u8], key: &[u8]) -> bool {
    let key = KeyPair::try_from(key).map(|key| key.subject_public_key_info());
    key.is_ok_and(|key| certificate.windows(key.len()).any(|part| part == key))
}

fn make(data_dir: &Path, addresses: &[IpAddr]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).chain(["localhost".to_owned()]).collect();
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Shoal on this device");
    let certificate = params.self_signed(&key).map_err(io::Error::other)?.der().to_vec();
    let key = key.serialize_der();
    write_private(&data_dir.join(KEY), &key)?;
    write_private(&data_dir.join(CERTIFICATE), &certificate)?;
    Ok((certificate, key))
}

/// For this user alone from the first byte on.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;

    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_certificate_is_kept_for_its_owner_alone_and_made_anew_when_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let load = || Tls::load_or_make(folder.path(), &["192.168.1.7".parse().unwrap()]).unwrap().fingerprint;
        let first = load();
        assert_eq!((first.len(), first.split(':').count()), (95, 32), "{first}");
        assert_eq!(load(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(KEY)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_file(folder.path().join(CERTIFICATE)).unwrap();
        let second = load();
        assert_ne!(second, first);
        fs::write(folder.path().join(KEY), b"damage").unwrap();
        assert_ne!(load(), second);
    }
}
