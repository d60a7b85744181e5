"""Every setting, from the environment or a file ``.env``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from storage.database import parse_url

TELEGRAM = "https://api.telegram.org"


class Settings(BaseSettings):
    """What an operator can set.

    Raises:
        pydantic.ValidationError: a value is not of its form.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    telegram_bot_token: SecretStr = Field(
        default=SecretStr(""), description="From @BotFather. Without one, the sandbox starts."
    )
    telegram_api_url: str = Field(default=TELEGRAM, description="What comes before /bot<token>.")
    database_url: str = Field(
        default="", description="sqlite:///FILE or postgresql://USER@HOST/NAME."
    )
    data_dir: Path = Field(default=Path("data"), description="Where files are kept.")
    admin_ids: Annotated[frozenset[int], NoDecode] = Field(
        default=frozenset(), description="Telegram ids of the admins, separated by commas."
    )
    agent_chat_id: int | None = Field(
        default=None, description="The agents' group; complaints are announced there."
    )
    webhook_url: str = Field(
        default="", description="https://… for a webhook instead of long polling."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="What Telegram sends along to the webhook."
    )
    webhook_port: int = Field(
        default=8443, description="Where the webhook listens.", ge=1, le=65535
    )
    webhook_host: str = Field(
        default="127.0.0.1", description="On which address the webhook listens."
    )
    sandbox_port: int = Field(
        default=8765, description="Where the sandbox's page is.", ge=0, le=65535
    )
    patience_hours: float = Field(
        default=24, description="How far a certain complaint moves ahead, in hours.", gt=0, le=8760
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="What is logged to stderr."
    )

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part for part in value.replace(",", " ").split() if part]
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value:
            parse_url(value)
        return value

    @field_validator("telegram_api_url", "webhook_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @property
    def token(self) -> str:
        """The bot token, or an empty string."""
        return self.telegram_bot_token.get_secret_value()

    @property
    def patience(self) -> timedelta:
        """How far a certain complaint moves ahead."""
        return timedelta(hours=self.patience_hours)

    def database(self) -> str:
        """The database's URL; the sandbox's desk is kept apart from the real one."""
        name = "firstline.db" if self.token else "sandbox.db"
        return self.database_url or f"sqlite:///{self.data_dir / name}"
