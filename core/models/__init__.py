"""The tables, one noun a file."""

from core.models.account import Account, Identity, Invitation, Membership, User
from core.models.artifact import Artifact
from core.models.asset import Asset
from core.models.audit import AuditEvent
from core.models.base import Base, now
from core.models.bookmark import Bookmark
from core.models.brand_kit import BrandKit
from core.models.idempotency import IdempotencyKey
from core.models.job import Job, JobStage
from core.models.key import ApiKey
from core.models.session import LoginFailure, RefreshToken, UserSession
from core.models.upload import Upload
from core.models.webhook import WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "Account",
    "ApiKey",
    "Artifact",
    "Asset",
    "AuditEvent",
    "Base",
    "Bookmark",
    "BrandKit",
    "IdempotencyKey",
    "Identity",
    "Invitation",
    "Job",
    "JobStage",
    "LoginFailure",
    "Membership",
    "RefreshToken",
    "Upload",
    "User",
    "UserSession",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "now",
]
