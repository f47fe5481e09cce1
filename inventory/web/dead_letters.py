"""What could not be applied, for people and programs that look after it."""

from flask import Blueprint

from inventory.bootstrap.services import Services
from inventory.web.answers import Answer
from inventory.web.large_reads import LargeReads
from inventory.web.parse import parse_letter_page
from inventory.web.present import letter_page


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the view of the dead letters. They are settled with a command, never over HTTP."""
    views = Blueprint("dead-letters", __name__)

    @views.get("/dead-letters")
    def dead_letters() -> Answer:
        page, state = parse_letter_page()
        with large.reading() as read:
            return letter_page(services.dead_letters.page(page, state), read)

    return views
