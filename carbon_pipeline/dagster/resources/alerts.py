"""The resource `carbon_alerts`: where checks and hooks send what people should know. By itself it sends nothing."""

import smtplib
from email.message import EmailMessage

import dagster as dg
from pydantic import Field

from carbon_pipeline.common.network import send_json

TIMEOUT_S = 10.0


class AlertsResource(dg.ConfigurableResource[None]):
    """Sends nothing: the log has it. Put one of the others, or one of your own, in its place to be alerted.

    Example:
        >>> resources = carbon_resources({"carbon_alerts": WebhookAlerts(url=dg.EnvVar("SLACK_WEBHOOK"))})
    """

    def send(self, subject: str, text: str) -> None:
        """Send a message.

        Raises:
            OSError: it could not be sent.
        """


class WebhookAlerts(AlertsResource):
    """Posts `{"text": ...}` as JSON: what the incoming webhooks of Slack and Mattermost take, and any of your own."""

    url: str = Field(description="Where to post; a secret: give it as dg.EnvVar.")

    def send(self, subject: str, text: str) -> None:
        """Send a message, as `AlertsResource.send`."""
        send_json(self.url, {"text": f"{subject}\n{text}"}, TIMEOUT_S)


class MailAlerts(AlertsResource):
    """Sends mail."""

    host: str = Field(description="Server for outgoing mail (SMTP).")
    port: int = Field(default=25, description="Its port.")
    sender: str = Field(description="Address of the sender.")
    recipients: list[str] = Field(description="Addresses of the recipients.")
    user: str | None = Field(default=None, description="User, where the server asks for one; TLS is used then.")
    password: str | None = Field(default=None, description="Password; a secret: give it as dg.EnvVar.")

    def send(self, subject: str, text: str) -> None:
        """Send a message, as `AlertsResource.send`."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, self.sender, ", ".join(self.recipients)
        message.set_content(text)
        with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S) as server:
            if self.user:
                server.starttls()
                server.login(self.user, self.password or "")
            server.send_message(message)
