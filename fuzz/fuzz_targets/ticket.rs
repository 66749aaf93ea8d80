#![no_main]
use shoal_proto::ticket::{Opened, Ticket};

// A ticket comes from wherever people paste from; the answer to opening one from whoever is at its address.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    shoal_fuzz::message::<Opened>(bytes);
    shoal_fuzz::message::<Ticket>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(ticket) = text.parse::<Ticket>()
    {
        assert_eq!(ticket.to_string(), text.trim().to_ascii_lowercase());
        assert_eq!(ticket.to_string().parse(), Ok(ticket));
    }
});
