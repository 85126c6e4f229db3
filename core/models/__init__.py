"""The tables, one noun a file."""

from core.models.account import Account
from core.models.artifact import Artifact
from core.models.asset import Asset
from core.models.base import Base, now
from core.models.job import Job, JobStage
from core.models.upload import Upload

__all__ = ["Account", "Artifact", "Asset", "Base", "Job", "JobStage", "Upload", "now"]
