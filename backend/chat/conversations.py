"""Conversations in the database: a tree of messages each, of which one branch is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Exists, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import ConversationBusy, UnknownConversation, UnknownMessage
from backend.store.database import Database
from backend.store.models import Conversation, Message, MessageStatus

STALE_AFTER = timedelta(seconds=6)  # a running answer is written to its row every second
KEPT_AFTER_DELETE = timedelta(days=7)
_TITLE_CHARS = 60


@dataclass(frozen=True)
class ThreadMessage:
    """A message of the branch that is shown, with the versions it can be exchanged for (itself included)."""

    message: Message
    versions: tuple[UUID, ...]

    @property
    def version(self) -> int:
        """1-based place among the versions."""
        return self.versions.index(self.message.id) + 1


@dataclass(frozen=True)
class Thread:
    """A conversation and its shown branch, oldest message first."""

    conversation: Conversation
    messages: tuple[ThreadMessage, ...]


class Conversations:
    """Reads and writes conversations; every method sees only those of the given user.

    Args:
        database: where they are.
        clock: current time, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock
        # Answers that were begun here and whose end is not stored, be it that the disk is full.
        self._begun: set[UUID] = set()

    async def list(
        self, user_id: UUID, *, query: str = "", limit: int = 50, before: datetime | None = None
    ) -> Sequence[Conversation]:
        """Conversations, the last changed first. `query` is looked for in titles and messages."""
        statement = (
            select(Conversation)
            .where(Conversation.user_id == user_id, Conversation.deleted_at.is_(None))
            .order_by(Conversation.updated_at.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(Conversation.updated_at < before)
        if query:
            pattern = "%" + storable(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            in_messages = exists().where(Message.conversation_id == Conversation.id, Message.content.ilike(pattern))
            statement = statement.where(or_(Conversation.title.ilike(pattern), in_messages))
        async with self._database.session() as session:
            return (await session.scalars(statement)).all()

    async def thread(self, user_id: UUID, conversation_id: UUID, *, up_to: UUID | None = None) -> Thread:
        """A conversation with its shown branch, or the branch that ends in the message `up_to`.

        Raises:
            UnknownConversation: there is none of this user.
            UnknownMessage: `up_to` is not in it.
        """
        async with self._database.session() as session:
            conversation = await _owned(session, user_id, conversation_id)
            rows = await session.scalars(
                select(Message).where(Message.conversation_id == conversation_id).order_by(Message.created_at)
            )
            messages = {row.id: row for row in rows}
        for row in messages.values():
            self._see_as_of_now(row)
        if up_to is not None and up_to not in messages:
            raise UnknownMessage
        return Thread(conversation, _branch(messages, up_to or conversation.head_id))

    async def add_turn(
        self,
        user_id: UUID,
        conversation_id: UUID | None,
        *,
        parent_id: UUID | None,
        question: str | None,
        answer: dict[str, Any],
        options: dict[str, Any],
        collection_ids: Sequence[UUID] | None = None,
    ) -> tuple[UUID, UUID]:
        """Stores a question and the answer that is about to be written; returns conversation and answer id.

        Args:
            conversation_id: None starts a conversation, with `options` as its settings.
            parent_id: message the turn follows; the question itself when it is asked again (`question` None).
            question: text, or None to answer `parent_id` once more.
            answer: columns of the answer's row.
            options: columns of a new conversation.
            collection_ids: documents that one that exists asks from now on; None leaves them.

        Raises:
            UnknownConversation: there is none of this user.
            ConversationBusy: another process is writing an answer in it.
        """
        now = self._clock()
        answer_id = uuid4()
        options = _storable_columns(options)
        rows: list[Message] = []
        async with self._database.session() as session:
            if conversation_id is None:
                conversation_id = uuid4()
                title = title_of(question or "")
                conversation = Conversation(id=conversation_id, user_id=user_id, title=title, created_at=now, **options)
                session.add(conversation)
            else:
                conversation = await _owned(session, user_id, conversation_id, lock=True)
                if await session.scalar(select(self._being_written(conversation_id))):
                    raise ConversationBusy
                if collection_ids is not None:
                    conversation.collection_ids = list(collection_ids)
            conversation.head_id = answer_id
            conversation.updated_at = now
            of_both = {"conversation_id": conversation_id, "updated_at": now}
            if question is not None:
                rows.append(
                    Message(id=uuid4(), parent_id=parent_id, role="user", content=question, created_at=now, **of_both)
                )
                parent_id = rows[0].id
            rows.append(
                Message(
                    id=answer_id,
                    parent_id=parent_id,
                    role="assistant",
                    content="",
                    status=MessageStatus.STREAMING,
                    created_at=now + timedelta(microseconds=1),  # after its question, whatever they are sorted by
                    **of_both,
                    **answer,
                )
            )
            session.add_all(rows)  # written in this order, which their foreign key needs
        self._begun.add(answer_id)
        return conversation_id, answer_id

    async def save_answer(self, answer_id: UUID, **columns: Any) -> None:
        """Writes columns of an answer."""
        async with self._database.session() as session:
            await session.execute(
                update(Message).where(Message.id == answer_id).values(updated_at=self._clock(), **columns)
            )
        if columns.get("status", MessageStatus.STREAMING) != MessageStatus.STREAMING:
            self._begun.discard(answer_id)

    async def save_text(self, answer_id: UUID, text: str) -> bool:
        """Writes what an answer has so far; False when somebody has asked another process to stop it."""
        async with self._database.session() as session:
            changed = await session.scalars(
                update(Message)
                .where(Message.id == answer_id)
                .values(updated_at=self._clock(), content=text)
                .returning(Message.status)
            )
            return changed.one_or_none() == MessageStatus.STREAMING

    async def stop_elsewhere(self, user_id: UUID, conversation_id: UUID) -> None:
        """Asks the process that writes an answer here to stop, which it sees when it saves next, within a second.

        Raises:
            UnknownConversation: there is none of this user.
        """
        async with self._database.session() as session:
            await _owned(session, user_id, conversation_id)
            await session.execute(
                update(Message)
                .where(Message.conversation_id == conversation_id, Message.status == MessageStatus.STREAMING)
                .values(status=MessageStatus.STOPPED)
            )

    async def change(self, user_id: UUID, conversation_id: UUID, **columns: Any) -> Conversation:
        """Changes title, system prompt, temperature, max_tokens, provider or the documents that are asked."""
        async with self._database.session() as session:
            conversation = await _owned(session, user_id, conversation_id)
            for name, value in _storable_columns(columns).items():
                setattr(conversation, name, value)
        return conversation

    async def show_version(self, user_id: UUID, conversation_id: UUID, message_id: UUID) -> None:
        """Shows the branch through `message_id`, down to its newest message."""
        async with self._database.session() as session:
            conversation = await _owned(session, user_id, conversation_id)
            rows = await session.execute(
                select(Message.id, Message.parent_id)
                .where(Message.conversation_id == conversation_id)
                .order_by(Message.created_at)
            )
            newest_child: dict[UUID | None, UUID] = {}
            known = set()
            for row in rows:
                newest_child[row.parent_id] = row.id
                known.add(row.id)
            if message_id not in known:
                raise UnknownMessage
            head = message_id
            while head in newest_child:
                head = newest_child[head]
            conversation.head_id = head

    async def rate(self, user_id: UUID, message_id: UUID, rating: int | None, comment: str | None = None) -> Message:
        """Keeps a thumb (1, -1 or None) and what was said about it."""
        async with self._database.session() as session:
            message = await session.scalar(
                select(Message)
                .join(Conversation, Conversation.id == Message.conversation_id)
                .where(Message.id == message_id, Conversation.user_id == user_id, Message.role == "assistant")
            )
            if message is None:
                raise UnknownMessage
            message.rating = rating
            message.comment = storable(comment or "") or None
        return message

    async def delete(self, user_id: UUID, conversation_id: UUID) -> None:
        """Hides a conversation; `restore` brings it back for seven days."""
        async with self._database.session() as session:
            conversation = await _owned(session, user_id, conversation_id)
            conversation.deleted_at = self._clock()

    async def restore(self, user_id: UUID, conversation_id: UUID) -> Conversation:
        """Undoes `delete`."""
        async with self._database.session() as session:
            conversation = await session.scalar(
                select(Conversation).where(Conversation.id == conversation_id, Conversation.user_id == user_id)
            )
            if conversation is None:
                raise UnknownConversation
            conversation.deleted_at = None
        return conversation

    async def purge_deleted(self) -> int:
        """Removes for good what was deleted more than seven days ago; returns how many conversations."""
        async with self._database.session() as session:
            gone = await session.scalars(
                delete(Conversation)
                .where(Conversation.deleted_at < self._clock() - KEPT_AFTER_DELETE)
                .returning(Conversation.id)
            )
            return len(gone.all())

    async def count(self, user_id: UUID) -> int:
        """How many conversations the user has."""
        async with self._database.session() as session:
            counted = await session.scalar(
                select(func.count())
                .select_from(Conversation)
                .where(Conversation.user_id == user_id, Conversation.deleted_at.is_(None))
            )
        return counted or 0

    def _being_written(self, conversation_id: UUID) -> Exists:
        """By another process: of its own answers each knows whether they go on."""
        return exists().where(
            Message.conversation_id == conversation_id,
            Message.status == MessageStatus.STREAMING,
            Message.updated_at > self._clock() - STALE_AFTER,
            Message.id.not_in(self._begun),
        )

    def _see_as_of_now(self, row: Message) -> None:
        """A row that says `streaming` but is not written any more belongs to a process that was killed."""
        if row.status == MessageStatus.STREAMING and self._clock() - row.updated_at > STALE_AFTER:
            row.status = MessageStatus.INTERRUPTED


def storable(text: str) -> str:
    """The text as PostgreSQL can hold it: without NUL, with `?` for halves of surrogate pairs."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def title_of(question: str) -> str:
    """First line of a question, cut at a word."""
    line = " ".join((question.strip().splitlines() or [""])[0].split()).lstrip("#>*- ")
    if len(line) <= _TITLE_CHARS:
        return line
    cut = line[:_TITLE_CHARS].rsplit(" ", 1)[0]
    return f"{cut if len(cut) > _TITLE_CHARS // 2 else line[:_TITLE_CHARS]}…"


def _storable_columns(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: storable(value) if isinstance(value, str) else value for name, value in columns.items()}


async def _owned(session: AsyncSession, user_id: UUID, conversation_id: UUID, *, lock: bool = False) -> Conversation:
    statement = select(Conversation).where(
        Conversation.id == conversation_id, Conversation.user_id == user_id, Conversation.deleted_at.is_(None)
    )
    conversation = await session.scalar(statement.with_for_update() if lock else statement)
    if conversation is None:
        raise UnknownConversation
    return conversation


def _branch(messages: dict[UUID, Message], head_id: UUID | None) -> tuple[ThreadMessage, ...]:
    versions: dict[UUID | None, list[UUID]] = {}
    for message in messages.values():
        versions.setdefault(message.parent_id, []).append(message.id)
    branch = []
    current = messages.get(head_id) if head_id else None
    while current is not None:
        branch.append(ThreadMessage(current, tuple(versions[current.parent_id])))
        current = messages.get(current.parent_id) if current.parent_id else None
    return tuple(reversed(branch))
