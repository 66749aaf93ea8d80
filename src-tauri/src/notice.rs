//! One notification, as each system shows it, and what a person pressed on it.

/// What is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notice {
    pub(crate) summary: String,
    pub(crate) body: String,
    /// Buttons, each by its id and what it says.
    pub(crate) buttons: Vec<(&'static str, &'static str)>,
    /// Whose it is, as the installer told the system.
    pub(crate) identifier: String,
}

/// What a person did with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// The button with this id.
    Button(String),
    /// The notification itself.
    Itself,
    /// It went away.
    Nothing,
}

impl Notice {
    /// Shows it. With buttons, returns when one is pressed or the notification is gone; blocks.
    #[cfg(not(target_os = "macos"))]
    pub(crate) fn show(&self) -> Result<Pressed, Box<dyn std::error::Error>> {
        /// On Linux a button of this id is none, but a click beside all others.
        const ITSELF: &str = "default";

        let mut notice = notify_rust::Notification::new();
        notice.appname("Shoal").summary(&self.summary).body(&plain(&self.body)).icon("shoal-app");
        // Without the name of a program that was installed, Windows shows nothing.
        #[cfg(all(windows, not(debug_assertions)))]
        notice.app_id(&self.identifier);
        for (id, label) in &self.buttons {
            notice.action(id, label);
        }
        if cfg!(target_os = "linux") && !self.buttons.is_empty() {
            notice.action(ITSELF, "Shoal");
        }
        let shown = notice.show()?;
        if self.buttons.is_empty() {
            return Ok(Pressed::Nothing);
        }
        let mut pressed = Pressed::Nothing;
        shown.wait_for_response(|response: &notify_rust::NotificationResponse| match response {
            notify_rust::NotificationResponse::Action(id) => pressed = Pressed::Button(id.clone()),
            notify_rust::NotificationResponse::Default => pressed = Pressed::Itself,
            notify_rust::NotificationResponse::Reply(_) | notify_rust::NotificationResponse::Closed(_) => {}
        })?;
        Ok(pressed)
    }

    /// As above. The system asks the person once whether Shoal may.
    #[cfg(target_os = "macos")]
    pub(crate) fn show(&self) -> Result<Pressed, Box<dyn std::error::Error>> {
        use mac_usernotifications::{Action, Notification, request_auth};

        tauri::async_runtime::block_on(async {
            if !request_auth().await? {
                return Ok(Pressed::Nothing);
            }
            let notice = Notification::new().title(&self.summary).message(&self.body).thread_id(&self.identifier);
            let button = |notice: Notification, (id, label): &(&str, &str)| notice.action(Action::button(*id, *label));
            let shown = self.buttons.iter().fold(notice, button).send().await?;
            if self.buttons.is_empty() {
                return Ok(Pressed::Nothing);
            }
            let response = shown.response().await?;
            Ok(if response.is_default_action() {
                Pressed::Itself
            } else if response.is_dismiss_action() || response.is_timed_out() {
                Pressed::Nothing
            } else {
                Pressed::Button(response.action_identifier)
            })
        })
    }
}

/// Linux reads markup in bodies; nothing that a peer says may be markup.
#[cfg(not(target_os = "macos"))]
fn plain(text: &str) -> String {
    if cfg!(target_os = "linux") { text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_peer_says_is_no_markup() {
        assert_eq!(super::plain("<img src=x onerror=…> & co"), "&lt;img src=x onerror=…&gt; &amp; co");
    }
}
