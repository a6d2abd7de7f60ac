// What Slack documents of incoming webhooks (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks): a message
// whose attachments are of the type that Slack publishes.
import type { MessageAttachment } from '@slack/types';

export interface Message {
  channel: string;
  username?: string;
  icon_emoji?: string;
  icon_url?: string;
  link_names?: boolean;
  text?: string;
  attachments: Array<MessageAttachment>;
}
